package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
)

// post is what a process of a soak is told on its command line.
type post struct {
	config string // a file
	listen string // where it answers for its metrics
	result string // a file for what it has to tell when it ends
	name   string
	load   soakSettings
}

func (p post) args(role string) []string {
	return []string{
		role, "-config", p.config, "-listen", p.listen, "-result", p.result, "-name", p.name,
		"-rate", strconv.Itoa(p.load.rate), "-duration", p.load.duration.String(),
	}
}

func parsePost(args []string, log io.Writer) (post, error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(log)
	var p post
	flags.StringVar(&p.config, "config", "", "`file`")
	flags.StringVar(&p.listen, "listen", "", "`address` of the metrics")
	flags.StringVar(&p.result, "result", "", "`file` for the result")
	flags.StringVar(&p.name, "name", "", "the process's `name`")
	flags.IntVar(&p.load.rate, "rate", 0, "tasks a `second`")
	flags.DurationVar(&p.load.duration, "duration", 0, "how `long`")
	return p, flags.Parse(args)
}

// employSoak is one of the processes of a soak.
func employSoak(ctx context.Context, role string, args []string, log io.Writer) error {
	p, err := parsePost(args, log)
	switch {
	case err != nil:
		return err
	case role == roleSoakPublisher:
		return publishSoak(ctx, p, log)
	default:
		return serveSoak(ctx, p, log)
	}
}

// premises are what both the workers and the publisher of a soak have: a client, and metrics that are answered for, as
// a program of anybody's own has them (docs/go.md).
type premises struct {
	config *config.Config
	client *broker.Client
	log    *slog.Logger

	server http.Server
	ended  chan error // nil before answer
}

// open connects.
func (p post) open(ctx context.Context, out io.Writer) (*premises, error) {
	cfg, err := config.LoadEnv(p.config, func(string) (string, bool) { return "", false })
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelError})).With("process", p.name)
	client, err := broker.Connect(ctx, broker.Config{URLs: cfg.Broker.URLs, Name: p.name, Log: log})
	if err != nil {
		return nil, err
	}
	return &premises{config: cfg, client: client, log: log}, nil
}

// answer begins to answer for metrics.
func (p *premises) answer(ctx context.Context, address string, from http.Handler) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	p.server = http.Server{Handler: from, ReadHeaderTimeout: time.Second}
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.server.Serve(listener) }()
	return nil
}

// close ends what was begun.
func (p *premises) close() error {
	p.client.Close()
	if p.ended == nil {
		return nil
	}
	err := p.server.Close()
	if ended := <-p.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
