package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/logging"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/scheduler"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// options are the command line.
type options struct {
	config  string
	health  bool
	version bool
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) (string, bool)) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "scheduler: %v\n", err)
		return code
	}
	opts, err := parseFlags(args, stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return exitDone
	case err != nil:
		return fail(exitUsage, fmt.Errorf("%w; see scheduler --help", err))
	case opts.version:
		fmt.Fprintln(stdout, "scheduler", version())
		return exitDone
	}
	cfg, err := config.LoadEnv(config.Locate(opts.config, getenv), getenv)
	if err != nil {
		return fail(exitUsage, err)
	}
	if opts.health {
		if cfg.Metrics.Listen == "" {
			return fail(exitUsage, fmt.Errorf("%s: metrics.listen is not set: there is nobody to ask", cfg.File))
		}
		if err := metrics.Check(ctx, cfg.Metrics.Listen); err != nil {
			return fail(exitFailed, err)
		}
		return exitDone
	}
	level, err := logging.Level(getenv)
	if err != nil {
		return fail(exitUsage, err)
	}
	if len(cfg.Schedules) == 0 {
		return fail(exitUsage, fmt.Errorf("%s: schedules: there is none", cfg.File))
	}
	err = serve(ctx, cfg, logging.New(stderr, level))
	switch {
	case errors.Is(err, config.ErrInvalid), errors.Is(err, broker.ErrInvalidConfig):
		return fail(exitUsage, err)
	case err != nil:
		return fail(exitFailed, err)
	}
	return exitDone
}

func parseFlags(args []string, stdout io.Writer) (options, error) {
	var opts options
	flags := pflag.NewFlagSet("scheduler", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVarP(&opts.config, "config", "c", "", "the configuration (default $WARREN_CONFIG, else "+config.DefaultFile+")")
	flags.BoolVar(&opts.health, "health", false, "ask the running scheduler whether it is ready, and exit 0 or 1")
	flags.BoolVar(&opts.version, "version", false, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(stdout, "scheduler emits the tasks of the schedules in warren.yaml.\n\nUsage: scheduler [flags]\n\n%s", flags.FlagUsages())
	}
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return opts, nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}

// serve runs the scheduler, and answers for its health, until ctx is done.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	var client atomic.Pointer[broker.Client]
	group, ctx := errgroup.WithContext(ctx)
	if cfg.Metrics.Listen != "" {
		group.Go(func() error {
			return metrics.Serve(ctx, cfg.Metrics.Listen, func() error {
				if c := client.Load(); c != nil {
					return c.Ready()
				}
				return errors.New("starting")
			}, log)
		})
	}
	group.Go(func() error { return schedule(ctx, cfg, log, client.Store) })
	return group.Wait()
}

// schedule connects, declares the topology and emits ticks until ctx is done. It hands over the
// client when all of that is ready.
func schedule(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(*broker.Client)) error {
	tlsConfig, err := cfg.Broker.TLS.Load()
	if err != nil {
		return err
	}
	client, err := broker.Connect(ctx, broker.Config{
		URLs: cfg.Broker.URLs, Management: cfg.Broker.Management, Prefix: cfg.Broker.Prefix, TLS: tlsConfig, Log: log,
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // stopped while it waited for the broker
	case err != nil:
		return err
	}
	defer client.Close()
	err = client.Declare(ctx, cfg.Spec())
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("declare the topology: %w", err)
	}
	s, err := scheduler.New(scheduler.Config{
		Entries: cfg.Schedules, Enqueuer: client.Public(), Grace: cfg.Shutdown.Grace, Log: log,
	})
	if err != nil {
		return err
	}
	ready(client)
	return s.Run(ctx)
}
