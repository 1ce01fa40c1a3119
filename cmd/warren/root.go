package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/internal/otlp"
	"github.com/warrenmq/warren/internal/version"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFinding ends a command whose result, which has been printed, is a finding.
var errFinding = errors.New("a finding")

// usageError is an error of the command line or of the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// refusals are the errors that only another command line or configuration can mend.
var refusals = []error{
	config.ErrInvalid, otlp.ErrInvalid, encryption.ErrInvalidKeyset, broker.ErrInvalidConfig, tasks.ErrInvalidTask, routing.ErrInvalidKey,
	routing.ErrInvalidPattern, routing.ErrInvalidQueue, routing.ErrDelayTooLong,
}

func isUsage(err error) bool {
	var usage usageError
	return errors.As(err, &usage) || slices.ContainsFunc(refusals, func(target error) bool { return errors.Is(err, target) })
}

// cli is one run of the program.
type cli struct {
	stdin  io.Reader
	stdout *output
	stderr io.Writer
	getenv func(string) (string, bool)
	now    func() time.Time
	// terminal says that somebody at stdin can be asked.
	terminal bool

	file  string // --config
	began bool   // the command line was understood
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) (string, bool)) int {
	c := &cli{stdin: stdin, stdout: &output{Writer: stdout}, stderr: stderr, getenv: getenv, now: time.Now, terminal: isTerminal(stdin)}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(c.stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil, c.stdout.closed:
		return exitDone
	case errors.Is(err, errFinding):
		return exitFailed
	case !c.began:
		fmt.Fprintf(stderr, "warren: %v\nSee %s --help.\n", err, command.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "warren: %v\n", err)
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// root is the command itself, which does nothing but hold the others.
func (c *cli) root() *cobra.Command {
	root := c.group("warren", "Warren's tool for operators",
		c.enqueue(), c.queues(), c.routes(), c.doctor(), c.dead(), c.history(), c.schedule(), c.revoke(), c.pause(), c.resume(), c.keyset(), c.version())
	root.Version = version.Text()
	root.SetVersionTemplate("warren {{.Version}}\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentFlags().StringVarP(&c.file, "config", "c", "",
		"the configuration `FILE` (default $"+config.EnvFile+", else "+config.DefaultFile+")")
	return root
}

// group is a command that holds others: alone it shows its help.
func (c *cli) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: short,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(commands...)
	return group
}

// begin makes a function what a command runs: from here on an error is not the command line's,
// unless it says so.
func (c *cli) begin(f func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c.began = true
		return f(cmd.Context(), args)
	}
}

func (c *cli) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version",
		Args: cobra.NoArgs,
		RunE: c.begin(func(context.Context, []string) error {
			_, err := fmt.Fprintln(c.stdout, "warren", version.Text())
			return err
		}),
	}
}
