package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/handlers"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// command is the worker's own part of its command line.
type command struct {
	queues []string // those to work on; none: all

	mu            sync.Mutex
	closeHandlers func() // of what is served, once it is
}

func (c *command) flags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.queues, "queue", nil, "work on this queue alone; may be given several times (default: all)")
}

// check finds out whether there is something to work on, before anything is connected.
func (c *command) check(cfg *config.Config) error {
	_, closeHandlers, err := c.build(cfg, slog.Default()) // nothing runs
	if err != nil {
		return err
	}
	closeHandlers()
	return nil
}

// serve runs the worker until ctx is done. Every process declares the whole topology, also for the
// queues that it does not work on.
func (c *command) serve(ctx context.Context, s daemon.Service) error {
	client, cfg, log := s.Client, s.Config, s.Log
	queues, closeHandlers, err := c.build(cfg, log)
	if err != nil {
		return err
	}
	defer closeHandlers()
	c.mu.Lock()
	c.closeHandlers = closeHandlers
	c.mu.Unlock()
	for i := range queues {
		queues[i].Middleware = append(s.Traces.Middleware(), queues[i].Middleware...)
	}
	events, closeEvents, err := record(s)
	if err != nil {
		return err
	}
	defer closeEvents()
	counted := count(queues)
	topology := cfg.Spec()
	w, err := worker.New(client, worker.Config{
		Queues: queues, Topology: &topology, Grace: cfg.Shutdown.Grace, Events: tasks.Recorders(counted, events), Log: log,
	})
	if err != nil {
		return err
	}
	s.Metrics.MustRegister(counted, metrics.NewWorker(w.Stats))
	s.Ready(func() error { return health(w) })
	return w.Run(ctx)
}

// count returns what counts the tasks of queues.
func count(queues []worker.Queue) *metrics.Tasks {
	counted := make([]metrics.Queue, len(queues))
	for i, q := range queues {
		counted[i] = metrics.Queue{Name: q.Name, Mux: q.Mux}
	}
	return metrics.NewTasks(counted...)
}

// historyTimeout is how long a worker that has drained waits for the last of its history to be kept.
const historyTimeout = 5 * time.Second

// record returns what keeps the history, nil where none is wanted, and what closes it.
func record(s daemon.Service) (events tasks.Recorder, closeEvents func(), err error) {
	level := s.Config.History.Level
	if level == history.Off {
		return nil, func() {}, nil
	}
	recorder, err := history.New(s.Client, history.Config{Stream: s.Client.Names().History(), Level: level, Log: s.Log})
	if err != nil {
		return nil, nil, err
	}
	s.Metrics.MustRegister(metrics.NewHistory(recorder.Stats))
	return recorder, func() {
		ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
		defer cancel()
		if err := recorder.Close(ctx); err != nil {
			s.Log.Error("history is not complete", "error", err)
		}
	}, nil
}

// health says whether a worker is ready, and what it does without.
func health(w *worker.Worker) error {
	if err := w.Ready(); err != nil {
		return err
	}
	if err := w.Degraded(); err != nil {
		return fmt.Errorf("%w: %w", metrics.ErrDegraded, err)
	}
	return nil
}

// abort kills the programs that run: they would outlive this process, and run beside the next start
// of their tasks.
func (c *command) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeHandlers != nil {
		c.closeHandlers()
	}
}

// build makes the queues to work on with their handlers, and what closes those.
func (c *command) build(cfg *config.Config, log *slog.Logger) (queues []worker.Queue, closeHandlers func(), err error) {
	for _, name := range c.queues {
		if !slices.ContainsFunc(cfg.Queues, func(q config.Queue) bool { return q.Name == name }) {
			return nil, nil, fmt.Errorf("--queue %s: there is no such queue", name)
		}
	}
	cipher, err := cfg.Encryption.Load()
	if err != nil {
		return nil, nil, err
	}
	var closers []func()
	closeAll := func() {
		for _, closeHandler := range closers {
			closeHandler()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	for _, q := range cfg.Queues {
		if len(c.queues) > 0 && !slices.Contains(c.queues, q.Name) {
			continue
		}
		if len(q.Handlers) == 0 {
			return nil, nil, fmt.Errorf("queues.%s.handlers: there is none, so every task would be dead; "+
				"name them, or choose other queues with --queue", q.Name)
		}
		mux := tasks.NewMux()
		for _, h := range q.Handlers {
			handler, closeHandler, err := newHandler(h, log)
			if err != nil {
				return nil, nil, fmt.Errorf("queues.%s.handlers.%s: %w", q.Name, h.Pattern, err)
			}
			closers = append(closers, closeHandler)
			mux.Handle(h.Pattern, handler, handleOptions(h)...)
		}
		queue := worker.Queue{
			Name: q.Name, Mux: mux, Middleware: cipher.Middleware(log), Concurrency: q.Concurrency, Prefetch: q.Prefetch,
			RateLimit: rate.Limit(q.RateLimit.PerSecond), RateBurst: q.RateLimit.Burst,
			Type: q.Type, Timeout: q.Timeout, Retry: q.Retry,
		}
		for _, p := range q.Routes {
			queue.Routes = append(queue.Routes, p.String())
		}
		queues = append(queues, queue)
	}
	if len(queues) == 0 {
		return nil, nil, errors.New("queues: there is none")
	}
	return queues, closeAll, nil
}

// handleOptions returns how a configuration wants the tasks of a pattern handled.
func handleOptions(h config.Handler) []tasks.HandleOption {
	if h.Concurrency == 0 {
		return nil
	}
	return []tasks.HandleOption{tasks.Concurrency(h.Concurrency)}
}

// newHandler makes the handler that a configuration describes.
func newHandler(h config.Handler, log *slog.Logger) (handler tasks.Handler, closeHandler func(), err error) {
	if h.HTTP != nil {
		tlsConfig, err := h.HTTP.TLS.Load("http.tls")
		if err != nil {
			return nil, nil, err
		}
		service, err := handlers.NewHTTP(handlers.HTTPConfig{
			URL: h.HTTP.URL, Timeout: h.HTTP.Timeout, Headers: h.HTTP.Headers, TLS: tlsConfig,
		})
		if err != nil {
			return nil, nil, err
		}
		return service, service.Close, nil
	}
	program, err := handlers.NewExec(handlers.ExecConfig{Argv: h.Exec, Log: log})
	if err != nil {
		return nil, nil, err
	}
	return program, program.Kill, nil
}
