package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/tasks"
)

const (
	// soakCallers is how many tasks may be on their way at once: at 2,000/s each confirm may take 100 ms. It does not
	// change, and neither do the goroutines.
	soakCallers = 200
	// resultWithin is how long the result of an errand may take.
	resultWithin = time.Minute
)

// posted is what the publisher leaves when it ends.
type posted struct {
	Published int
	Results   int
	Took      time.Duration
}

// publishSoak is the publisher process of a soak: it publishes each errand at its time, and ends when all are confirmed.
// No fault is made, so what cannot be published is an error.
func publishSoak(ctx context.Context, p post, out io.Writer) (err error) {
	here, err := p.open(ctx, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, here.close()) }()
	registry := metrics.NewRegistry("soak")
	registry.MustRegister(metrics.NewClient(here.client.Stats))
	if err := here.answer(ctx, p.listen, metrics.Handler(registry, here.log)); err != nil {
		return err
	}
	c := courier{to: here.client, total: p.load.tasks(), interval: time.Second / time.Duration(p.load.rate), began: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	for range soakCallers {
		group.Go(func() error { return c.run(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return writeJSON(p.result, posted{Published: c.total, Results: int(c.results.Load()), Took: time.Since(c.began)})
}

// sender is what a courier needs of a client.
type sender interface {
	tasks.Enqueuer
	EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error)
}

// courier publishes errands, the next whenever its time has come.
type courier struct {
	to       sender
	total    int
	interval time.Duration
	began    time.Time

	next    atomic.Int64
	results atomic.Int64
}

// run publishes errands until there are no more.
func (c *courier) run(ctx context.Context) error {
	for {
		e := errand{Number: int(c.next.Add(1)) - 1}
		if e.Number >= c.total {
			return nil
		}
		if !pauseFor(ctx, time.Until(c.began.Add(time.Duration(e.Number)*c.interval))) {
			return context.Cause(ctx)
		}
		if err := c.publish(ctx, e); err != nil {
			return fmt.Errorf("errand %d: %w", e.Number, err)
		}
	}
}

var errResult = errors.New("the result is another one's")

func (c *courier) publish(ctx context.Context, e errand) error {
	t, err := e.task(time.Now())
	if err != nil {
		return err
	}
	if !e.waited() {
		_, err := c.to.Enqueue(ctx, t)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, resultWithin)
	defer cancel()
	reply, err := c.to.EnqueueAndWait(ctx, t, tasks.Wait{})
	if err != nil {
		return err
	}
	if string(reply.Body) != strconv.Itoa(e.Number) {
		return fmt.Errorf("%w: %.40q", errResult, reply.Body)
	}
	c.results.Add(1)
	return nil
}
