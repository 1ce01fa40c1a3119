// Command demo shows Warren at work: it runs the built worker and scheduler on a RabbitMQ that it
// finds or starts, publishes about two thousand tasks of several kinds, and tells what became of
// each of them.
//
// It owns the course of a demo, and plays the handlers: a web service and a program. It is a user
// of Warren like any other: it knows the client and the two binaries, and nothing of how they work.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"
)

const usage = `usage: demo COMMAND [flags]

  run      run the demo and print what became of its tasks
  up       the same, and stay: tasks keep coming until Ctrl-C
  clean    remove what demos left in RabbitMQ, and the RabbitMQ that they started
  serve    be the web service that runs tasks
  handle   be the program that runs one task, its payload on stdin

"demo COMMAND --help" tells the flags. Exit status: 0 done, 1 failed, 2 usage, 130 interrupted.
`

// defaultConfig is the configuration, from the project's own folder.
const defaultConfig = "examples/demo/warren.yaml"

// The exit statuses.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := command(ctx, os.Args[1:])
	cancel()
	os.Exit(code)
}

// command runs one command and returns the exit status.
func command(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	name := args[0]
	if name == "handle" {
		return handle(ctx, os.Stdin, os.Stderr, os.Getenv)
	}
	flags := pflag.NewFlagSet("demo "+name, pflag.ContinueOnError)
	var run func() error
	switch name {
	case "run", "up":
		d := &demo{stay: name == "up", out: os.Stdout}
		d.bin.flags(flags)
		run = func() error { return d.run(ctx) }
	case "clean":
		file := flags.StringP("config", "c", defaultConfig, "configuration `file`")
		run = func() error { return clean(ctx, *file, os.Stdout) }
	case "serve":
		listen := flags.String("listen", "127.0.0.1:8099", "`address` to listen on")
		run = func() error { return serve(ctx, *listen, os.Stdout) }
	case "help", "-h", "--help":
		fmt.Print(usage)
		return 0
	default:
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	switch err := flags.Parse(args[1:]); {
	case errors.Is(err, pflag.ErrHelp):
		return 0 // it was told
	case err != nil:
		fmt.Fprintf(os.Stderr, "demo %s: %v\n", name, err)
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "demo %s: %q is one argument too many\n", name, flags.Arg(0))
		return exitUsage
	}
	err := run()
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	if ctx.Err() != nil {
		return exitInterrupted
	}
	return exitFailed
}

// flags adds the flags that say where the programs are. They default to the folder of the demo.
func (b *binaries) flags(flags *pflag.FlagSet) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	b.demo = self
	flags.StringVar(&b.worker, "worker", filepath.Join(filepath.Dir(self), "worker"), "the worker, a `file`")
	flags.StringVar(&b.scheduler, "scheduler", filepath.Join(filepath.Dir(self), "scheduler"), "the scheduler, a `file`")
	flags.StringVarP(&b.config, "config", "c", defaultConfig, "configuration `file`")
}
