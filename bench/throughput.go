package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// throughput is how fast tasks that do nothing come in, are run, or both.
type throughput struct {
	tasks int
	body  []byte
}

// fill puts the tasks of a drain into the queue, the same for everybody.
func (t throughput) fill(ctx context.Context, a *arena) error {
	if err := a.purge(); err != nil {
		return err
	}
	p, err := openPlainPublisher(a.vhost.URL)
	if err != nil {
		return err
	}
	return errors.Join(p.many(ctx, t.tasks, t.body), p.close())
}

// drainByLoop drains by the loop, which acknowledges each task by itself, or several at once.
func (t throughput) drainByLoop(multiple bool) func(context.Context, *arena) ([]float64, error) {
	return func(ctx context.Context, a *arena) ([]float64, error) {
		if err := t.fill(ctx, a); err != nil {
			return nil, err
		}
		m := newMeter(t.tasks)
		c, err := startPlainConsumer(a.vhost.URL, multiple, func(string) { m.hit() })
		if err != nil {
			return nil, err
		}
		err = m.await(ctx)
		return t.result(a, m, err, c.close())
	}
}

func (t throughput) drainByWarren(ctx context.Context, a *arena) ([]float64, error) {
	if err := t.fill(ctx, a); err != nil {
		return nil, err
	}
	m := newMeter(t.tasks)
	w, err := startWorker(ctx, a.vhost.URL, func(*tasks.Task) { m.hit() })
	if err != nil {
		return nil, err
	}
	err = w.await(ctx, m)
	return t.result(a, m, err, w.close())
}

// result is the rate, where nothing was wrong and every task was acknowledged.
func (t throughput) result(a *arena, m *meter, failures ...error) ([]float64, error) {
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	if err := a.mustBeEmpty(); err != nil {
		return nil, err
	}
	return []float64{m.rate()}, nil
}

func (t throughput) enqueueByLoop(ctx context.Context, a *arena) ([]float64, error) {
	if err := a.purge(); err != nil {
		return nil, err
	}
	p, err := openPlainPublisher(a.vhost.URL)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = p.many(ctx, t.tasks, t.body)
	took := time.Since(began)
	return []float64{perSecond(t.tasks, took)}, errors.Join(err, p.close())
}

// enqueueByWarren publishes in one of Warren's ways.
func (t throughput) enqueueByWarren(
	enqueue func(ctx context.Context, client *broker.Client, count int, body []byte) error,
) func(context.Context, *arena) ([]float64, error) {
	return func(ctx context.Context, a *arena) ([]float64, error) {
		if err := a.purge(); err != nil {
			return nil, err
		}
		client, err := a.connect(ctx)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		began := time.Now()
		err = enqueue(ctx, client, t.tasks, t.body)
		return []float64{perSecond(t.tasks, time.Since(began))}, err
	}
}

// bothByLoop publishes by one connection and consumes by another.
func (t throughput) bothByLoop(multiple bool) func(context.Context, *arena) ([]float64, error) {
	return func(ctx context.Context, a *arena) ([]float64, error) {
		if err := a.purge(); err != nil {
			return nil, err
		}
		p, err := openPlainPublisher(a.vhost.URL)
		if err != nil {
			return nil, err
		}
		m := newMeter(t.tasks)
		c, err := startPlainConsumer(a.vhost.URL, multiple, func(string) { m.hit() })
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		m.start()
		err = both(ctx, func(ctx context.Context) error { return p.many(ctx, t.tasks, t.body) }, m.await)
		return t.result(a, m, err, p.close(), c.close())
	}
}

func (t throughput) bothByWarren(ctx context.Context, a *arena) ([]float64, error) {
	if err := a.purge(); err != nil {
		return nil, err
	}
	m := newMeter(t.tasks)
	w, err := startWorker(ctx, a.vhost.URL, func(*tasks.Task) { m.hit() })
	if err != nil {
		return nil, err
	}
	m.start()
	err = both(ctx,
		func(ctx context.Context) error { return enqueueMany(ctx, w.client, t.tasks, t.body) },
		func(ctx context.Context) error { return w.await(ctx, m) })
	return t.result(a, m, err, w.close())
}

// both runs two things at once; an error of one ends the other.
func both(ctx context.Context, one, other func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return one(ctx) })
	group.Go(func() error { return other(ctx) })
	return group.Wait()
}
