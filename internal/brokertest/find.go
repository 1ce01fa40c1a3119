package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// ErrNoBroker is returned by [Find] when there is no way to have a broker; the error that wraps it
// lists the ways, and why each failed.
var ErrNoBroker = errors.New("no RabbitMQ can be had")

// Options say how [Find] and [Start] speak with the user, and what they start.
type Options struct {
	// Out is told, one line each, why a way to have a broker failed. Defaults to nowhere.
	Out io.Writer
	// In is asked before something is installed, if it is a terminal. Defaults to none.
	In *os.File
	// InMemory has a broker that is started here keep its data in memory where this machine has room for
	// them: declaring and deleting is two or three times as fast, and no disk is measured. A container
	// forgets all when it is stopped then, a node does not. Defaults to the disk.
	InMemory bool
	// ErlArgs are further arguments of the Erlang machine of a broker that is started here, such as set what
	// RabbitMQ reads from nowhere else. Defaults to none.
	ErlArgs string
}

func (o Options) withDefaults() Options {
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o
}

// rung is one way to have a broker.
type rung struct {
	name string
	try  func(ctx context.Context, opts Options) (*Broker, error)
}

// The ways to have a broker, in the order in which they are tried: first those that run already,
// then those that are started here.
var (
	running = []rung{
		{"WARREN_URL or AMQP_URL", func(ctx context.Context, _ Options) (*Broker, error) { return named(ctx, os.Getenv) }},
		{"127.0.0.1:5672", func(ctx context.Context, _ Options) (*Broker, error) { return listening(ctx, defaultURL) }},
	}
	startable = []rung{
		{"private node", startNode},
		{"container", startContainer},
		{"install", installAndStart},
	}
)

// Find returns a broker: the one that WARREN_URL or AMQP_URL names, one on 127.0.0.1:5672, a
// private node of the rabbitmq-server on this machine, a container, or a private node of a
// rabbitmq-server that is installed for it where that may be done. A variable that names a broker
// which does not answer is an error; otherwise the next way is tried, and the last error is
// [ErrNoBroker]. The caller closes the broker.
func Find(ctx context.Context, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	sweep(ctx, opts.Out)
	return climb(ctx, opts, slices.Concat(running, startable))
}

// Start starts a broker of the flavour Node or Container for the caller alone, who closes it.
func Start(ctx context.Context, flavour Flavour, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	sweep(ctx, opts.Out)
	var b *Broker
	var err error
	switch flavour {
	case Node:
		b, err = startNode(ctx, opts)
	case Container:
		b, err = startContainer(ctx, opts)
	default:
		err = errors.New("only a node or a container can be started")
	}
	if err != nil {
		return nil, fmt.Errorf("brokertest: start %s: %w", flavour, err)
	}
	return b, nil
}

// permanentError ends the climb: the broker that was meant does not answer.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// climb tries the rungs in turn. A permanentError, or the end of ctx, ends it.
func climb(ctx context.Context, opts Options, rungs []rung) (*Broker, error) {
	var reasons []string
	for _, r := range rungs {
		b, err := r.try(ctx, opts)
		if err == nil {
			return b, nil
		}
		if permanent := (permanentError{}); errors.As(err, &permanent) {
			return nil, fmt.Errorf("brokertest: %w", permanent.error)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("brokertest: %s: %w", r.name, context.Cause(ctx))
		}
		fmt.Fprintf(opts.Out, "brokertest: %s: %s\n", r.name, oneLine(err))
		reasons = append(reasons, fmt.Sprintf("  %s: %v", r.name, err))
	}
	return nil, fmt.Errorf("brokertest: %w:\n%s", ErrNoBroker, strings.Join(reasons, "\n"))
}

// oneLine is the first line of an error's text.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
