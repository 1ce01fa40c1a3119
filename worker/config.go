package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The defaults and bounds of a worker's configuration.
const (
	DefaultConcurrency = 10
	MaxConcurrency     = 10_000
	MaxPrefetch        = 65_535
	DefaultGrace       = 30 * time.Second
	// DefaultStopTimeout is how long after the grace period a handler has to heed its context.
	DefaultStopTimeout = 10 * time.Second
)

// ErrInvalidConfig is a field of a configuration that is out of its bounds, for errors.Is.
var ErrInvalidConfig = errors.New("invalid worker configuration")

// Config is what a worker is made with.
type Config struct {
	// Queues are the queues to work on, at least one.
	Queues []Queue
	// Topology is what is declared when the worker starts. Defaults to that of Queues; a program
	// that works on a part of its queues gives the whole.
	Topology *routing.Spec
	// Name is the worker's name in dead letters and logs. Defaults to host:pid.
	Name string
	// Grace is how long running tasks may go on after the worker was told to stop. Defaults to
	// DefaultGrace; a negative value is none.
	Grace time.Duration
	// StopTimeout is how long a handler may go on after its context was cancelled at the end of the
	// grace period, before Run gives it up. Defaults to DefaultStopTimeout.
	StopTimeout time.Duration
	// Progress takes what tasks tell of their progress, beside those who wait for them: for each task
	// one call at a time, throttled as tasks.Progress says. It must not block, and must not keep the
	// task. Defaults to nobody.
	Progress func(*tasks.Task, tasks.ProgressEvent)
	// Events takes what happens to the tasks, such as a history.Recorder. It is to be closed after Run
	// has returned. Defaults to nobody.
	Events tasks.Recorder
	// Clock tells the time. Defaults to the real one.
	Clock clockwork.Clock
	// Log takes one line an outcome (docs/logs.md), and what goes wrong besides. No payload, header or
	// result is in it. Defaults to slog.Default().
	Log *slog.Logger
}

// Queue is how one queue is worked on.
type Queue struct {
	// Name is the queue's name.
	Name string
	// Routes are the patterns that the queue is bound with. None: only retries and direct sends
	// reach it.
	Routes []string
	// Mux finds the handlers. It is not changed any more once the worker is made.
	Mux *tasks.Mux
	// Middleware is put around the mux, the first outermost.
	Middleware []tasks.Middleware
	// Concurrency is how many tasks run at a time, 1..MaxConcurrency. Defaults to
	// DefaultConcurrency.
	Concurrency int
	// Prefetch is how many deliveries the worker holds at a time, running ones included,
	// Concurrency..MaxPrefetch. By default, 0, it follows what tasks take: from one more than the
	// concurrency, so that long tasks are left to other workers, to 1000, so that short ones do not
	// wait for the network; those that are held until they are due come on top.
	Prefetch int
	// RateLimit is how many tasks are started a second, by this worker, at most; above 0, and a
	// fraction where it is to be less than one. Defaults to no limit.
	RateLimit rate.Limit
	// RateBurst is how many may start at once after a pause, at least 1. Defaults to RateLimit rounded up.
	RateBurst int
	// Type is the queue's type. Defaults to routing.Auto.
	Type routing.QueueType
	// Timeout is how long a task may run, at most tasks.MaxTimeout. Defaults to tasks.DefaultTimeout.
	Timeout time.Duration
	// Retry is the queue's policy. Defaults as tasks.RetryPolicy.WithDefaults.
	Retry tasks.RetryPolicy

	routes []routing.Pattern
}

// withDefaults returns the configuration with its zero fields filled.
func (c Config) withDefaults() Config {
	if c.Name == "" {
		host, _ := os.Hostname() // only a label
		c.Name = fmt.Sprintf("%s:%d", host, os.Getpid())
	}
	switch {
	case c.Grace == 0:
		c.Grace = DefaultGrace
	case c.Grace < 0:
		c.Grace = 0
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = DefaultStopTimeout
	}
	if c.Clock == nil {
		c.Clock = exactClock{clockwork.NewRealClock()}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Queues = slices.Clone(c.Queues)
	for i := range c.Queues {
		c.Queues[i] = c.Queues[i].withDefaults()
	}
	return c
}

func (q Queue) withDefaults() Queue {
	if q.Concurrency == 0 {
		q.Concurrency = DefaultConcurrency
	}
	if q.RateLimit > 0 && q.RateBurst == 0 {
		q.RateBurst = int(min(math.Ceil(float64(q.RateLimit)), math.MaxInt32))
	}
	if q.Timeout == 0 {
		q.Timeout = tasks.DefaultTimeout
	}
	q.Retry = q.Retry.WithDefaults()
	return q
}

// validate checks a configuration whose defaults are filled, and parses the routes.
func (c *Config) validate() error {
	if len(c.Queues) == 0 {
		return fmt.Errorf("%w: Queues: there is none", ErrInvalidConfig)
	}
	if c.StopTimeout < 0 {
		return fmt.Errorf("%w: StopTimeout: %s is below 0", ErrInvalidConfig, c.StopTimeout)
	}
	for i := range c.Queues {
		if err := c.Queues[i].validate(); err != nil {
			return fmt.Errorf("%w: queue %q: %w", ErrInvalidConfig, c.Queues[i].Name, err)
		}
	}
	if err := c.spec().Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	return nil
}

func (q *Queue) validate() error {
	switch {
	case q.Mux == nil:
		return errors.New("Mux is nil")
	case q.Mux.Err() != nil:
		return q.Mux.Err()
	case q.Concurrency < 1 || q.Concurrency > MaxConcurrency:
		return fmt.Errorf("Concurrency: %d is not within 1..%d", q.Concurrency, MaxConcurrency)
	case q.Prefetch != 0 && (q.Prefetch < q.Concurrency || q.Prefetch > MaxPrefetch):
		return fmt.Errorf("Prefetch: %d is not within Concurrency (%d)..%d", q.Prefetch, q.Concurrency, MaxPrefetch)
	case !(q.RateLimit >= 0):
		return fmt.Errorf("RateLimit: %v is not 0 or above", q.RateLimit)
	case q.RateBurst < 0:
		return fmt.Errorf("RateBurst: %d is below 1", q.RateBurst)
	case q.Timeout < 0 || q.Timeout > tasks.MaxTimeout:
		return fmt.Errorf("Timeout: %s is not within 1ns..%s", q.Timeout, tasks.MaxTimeout)
	}
	q.routes = nil
	for _, text := range q.Routes {
		pattern, err := routing.ParsePattern(text)
		if err != nil {
			return err
		}
		q.routes = append(q.routes, pattern)
	}
	return q.Retry.Validate()
}

// spec is the topology of the queues.
func (c *Config) spec() routing.Spec {
	var spec routing.Spec
	for _, q := range c.Queues {
		spec.Queues = append(spec.Queues, routing.QueueSpec{Name: q.Name, Routes: q.routes, Type: q.Type})
	}
	return spec
}
