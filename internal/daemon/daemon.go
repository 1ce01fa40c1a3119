// Package daemon is what the commands worker and scheduler have in common: flags, signals, the
// configuration, logging, the health listener, the connection, and exit codes. What a daemon does
// once it is connected is its command's.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
	_ "time/tzdata" // for machines and images without time zones

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/logging"
	"github.com/warrenmq/warren/internal/otlp"
	"github.com/warrenmq/warren/internal/version"
	"github.com/warrenmq/warren/metrics"
)

// The exit codes.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// Daemon is one command.
type Daemon struct {
	// Name is the command's name, Purpose what it does, in a few words.
	Name    string
	Purpose string
	// Flags adds flags of its own. Optional.
	Flags func(*pflag.FlagSet)
	// BackoffMax is how long to wait at most before RabbitMQ is tried again. Defaults to the client's.
	BackoffMax time.Duration
	// HeedsHangup says that SIGHUP does not end the daemon: it is told of by Service.Hangups.
	HeedsHangup bool
	// Check says what the configuration lacks for this command, before anything is connected.
	Check func(*config.Config) error
	// Serve does the work until ctx is done.
	Serve func(context.Context, Service) error
	// Abort is called when a second signal is about to end the process, from another goroutine than
	// Serve's and maybe before it: the last occasion to end what would outlive the process. It must
	// not block. Optional.
	Abort func()
}

// Service is what a daemon works with.
type Service struct {
	// Client is connected; the daemon closes it.
	Client *broker.Client
	Config *config.Config
	// Parse reads and checks another text of the configuration's file, in the same environment. It changes
	// nothing.
	Parse func(text []byte) (*config.Config, error)
	// Hangups tells of each SIGHUP where the daemon heeds them.
	Hangups <-chan os.Signal
	Log     *slog.Logger
	// Traces has tasks traced where the environment wants it; the daemon closes it.
	Traces *otlp.Traces
	// Ready is called once, with what tells whether the daemon is ready.
	Ready func(func() error)
	// Metrics takes what /metrics shows of the daemon, besides what it shows of each.
	Metrics prometheus.Registerer
	// Entries is how many schedule entries /metrics says that there are: those of Config, until it is set.
	Entries prometheus.Gauge
}

// Main runs the command in this process and does not return. SIGINT and SIGTERM stop it cleanly; a
// second one ends the process at once, with exit code 128 and the signal's number.
func (d Daemon) Main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		second := <-signals
		if d.Abort != nil {
			d.Abort()
		}
		if number, ok := second.(syscall.Signal); ok {
			os.Exit(128 + int(number))
		}
	}()
	os.Exit(d.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv))
}

// Run runs the command until ctx is done and returns its exit code: 0 stopped, 1 failed, 2 usage or
// configuration.
func (d Daemon) Run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) (string, bool)) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "%s: %v\n", d.Name, err)
		return code
	}
	hangups := make(chan os.Signal, 1)
	if d.HeedsHangup { // from the beginning to the end: nothing else may become of one
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
	opts, err := d.parse(args, stdout)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return ExitDone
	case err != nil:
		return fail(ExitUsage, fmt.Errorf("%w; see %s --help", err, d.Name))
	case opts.version:
		fmt.Fprintln(stdout, d.Name, version.Text())
		return ExitDone
	}
	cfg, err := config.LoadEnv(config.Locate(opts.config, getenv), getenv)
	if err != nil {
		return fail(ExitUsage, err)
	}
	if opts.health {
		return d.askHealth(ctx, cfg, fail)
	}
	level, err := logging.Level(getenv)
	if err != nil {
		return fail(ExitUsage, err)
	}
	if err := d.Check(cfg); err != nil {
		return fail(ExitUsage, fmt.Errorf("%s: %w", cfg.File, err))
	}
	log := logging.New(stderr, level)
	traces, err := otlp.Start(getenv, "warren-"+d.Name, log)
	if err != nil {
		return fail(ExitUsage, err)
	}
	defer flush(traces)
	err = d.serve(ctx, getenv, Service{
		Config: cfg, Log: log, Traces: traces,
		Parse: func(text []byte) (*config.Config, error) {
			next, err := config.Parse(cfg.File, text, getenv)
			if err == nil {
				err = d.Check(next)
			}
			return next, err
		},
		Hangups: hangups,
	})
	switch {
	case errors.Is(err, config.ErrInvalid), errors.Is(err, broker.ErrInvalidConfig):
		return fail(ExitUsage, err)
	case err != nil:
		return fail(ExitFailed, err)
	}
	return ExitDone
}

// flushTimeout is how long a daemon that has ended waits for the last of its spans to be exported.
const flushTimeout = 5 * time.Second

func flush(traces *otlp.Traces) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	traces.Close(ctx)
}

// askHealth asks a running daemon of the same configuration whether it is ready.
func (d Daemon) askHealth(ctx context.Context, cfg *config.Config, fail func(int, error) int) int {
	if cfg.Metrics.Listen == "" {
		return fail(ExitUsage, fmt.Errorf("%s: metrics.listen is not set: there is nobody to ask", cfg.File))
	}
	if err := metrics.Check(ctx, cfg.Metrics.Listen); err != nil {
		return fail(ExitFailed, err)
	}
	return ExitDone
}

// options are the flags that every daemon has.
type options struct {
	config  string
	health  bool
	version bool
}

func (d Daemon) parse(args []string, stdout io.Writer) (options, error) {
	var opts options
	flags := pflag.NewFlagSet(d.Name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVarP(&opts.config, "config", "c", "", "the configuration (default $WARREN_CONFIG, else "+config.DefaultFile+")")
	if d.Flags != nil {
		d.Flags(flags)
	}
	flags.BoolVar(&opts.health, "health", false, "ask the running "+d.Name+" whether it is ready, and exit 0 or 1")
	flags.BoolVar(&opts.version, "version", false, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(stdout, "%s %s.\n\nUsage: %s [flags]\n\n%s", d.Name, d.Purpose, d.Name, flags.FlagUsages())
	}
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return opts, nil
}

// errStarting is why a daemon is not ready before it has begun.
var errStarting = errors.New("starting")

// stopMargin is how much longer than the grace period a stop may take: until handlers have heeded the end of
// their contexts, the last of the history is kept and connections are closed.
const stopMargin = 25 * time.Second

// serve connects and does the work, and answers for its health, until ctx is done. The health
// listener outlives the work: a daemon that drains is alive and not ready. So does what tells systemd.
func (d Daemon) serve(ctx context.Context, getenv func(string) (string, bool), s Service) error {
	var ready atomic.Pointer[func() error]
	isReady := func() error {
		if ask := ready.Load(); ask != nil {
			return (*ask)()
		}
		return errStarting
	}
	pulse := metrics.NewPulse(isReady)
	systemd, err := newNotifier(getenv, pulse.Ready, s.Log)
	if err != nil {
		return err
	}
	working, stopWork := context.WithCancel(ctx)
	defer stopWork()
	// Whatever ends the work, until it has ended its health is answered for.
	answering, stopAnswering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAnswering()
	show := newShown(s.Config, s.Log)
	defer show.depths.Close()
	s.Metrics, s.Entries = show.registry, show.entries
	var group errgroup.Group
	if s.Config.Metrics.Listen != "" {
		group.Go(func() error {
			defer stopWork() // a health listener that cannot listen ends the daemon
			return metrics.Serve(answering, s.Config.Metrics.Listen, isReady, metrics.Handler(show.registry, s.Log), s.Log)
		})
	}
	if systemd != nil {
		group.Go(func() error {
			systemd.run(answering, working, s.Config.Shutdown.Grace+stopMargin)
			return nil
		})
	}
	group.Go(func() error {
		defer stopAnswering()
		s.Ready = func(ask func() error) { ready.Store(&ask) }
		return d.work(working, s, show)
	})
	return group.Wait()
}

// work connects, which waits for a broker that is away, and serves.
func (d Daemon) work(ctx context.Context, s Service, show *shown) error {
	cfg := s.Config
	tlsConfig, err := cfg.Broker.TLS.Load("broker.tls")
	if err != nil {
		return err
	}
	s.Client, err = broker.Connect(ctx, broker.Config{
		URLs: cfg.Broker.URLs, Management: cfg.Broker.Management, Prefix: cfg.Broker.Prefix, TLS: tlsConfig,
		BackoffMax: d.BackoffMax, Log: s.Log,
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while it waited
		}
		return err
	}
	defer s.Client.Close()
	defer show.connected(s.Client)()
	return d.Serve(ctx, s)
}
