package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/warrenmq/warren/internal/brokertest"
)

const (
	// memoryName is what the command line calls the measurement of memory.
	memoryName = "memory"
	// backlog is how many tasks wait for the worker whose memory is measured, at most, and batch how
	// many are published at a time.
	backlog = 50_000
	batch   = 10_000
	// growthAllowed is how much larger the last quarter of a run may be than the first and count as
	// flat.
	growthAllowed = 0.10
)

// memory is what a worker process needs while it runs many tasks.
type memory struct {
	Tasks   int      `json:"tasks"`
	Samples []sample `json:"samples"`
	// RSS is in MiB, by the first and the last quarter of the samples; Goroutines likewise.
	RSS        quarters `json:"rss_mib"`
	Goroutines quarters `json:"goroutines"`
	Flat       bool     `json:"flat"`
}

// quarters are the first and the last quarter of a series.
type quarters struct {
	First spread `json:"first_quarter"`
	Last  spread `json:"last_quarter"`
}

// quartersOf returns the quarters of at least one value.
func quartersOf(values []float64) quarters {
	n := max(len(values)/4, 1)
	return quarters{First: spreadOf(values[:n]), Last: spreadOf(values[len(values)-n:])}
}

// flat reports whether the last quarter is no larger than the first, but for what is allowed.
func (q quarters) flat() bool { return q.Last.Median <= q.First.Median*(1+growthAllowed) }

// memoryOf is what the samples of a run come to.
func memoryOf(count int, samples []sample) (*memory, error) {
	if len(samples) == 0 {
		return nil, errors.New("the worker ended before its memory was looked at: give it more tasks")
	}
	var rss, goroutines []float64
	for _, s := range samples {
		rss = append(rss, mebibytes(s.RSS))
		goroutines = append(goroutines, float64(s.Goroutines))
	}
	m := &memory{Tasks: count, Samples: samples, RSS: quartersOf(rss), Goroutines: quartersOf(goroutines)}
	m.Flat = m.RSS.flat() && m.Goroutines.flat()
	return m, nil
}

// measureMemory has another process run tasks, and looks at it until all are run.
func measureMemory(ctx context.Context, b *brokertest.Broker, s settings, log io.Writer) (_ *memory, err error) {
	a, err := openArena(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	publisher, err := openPlainPublisher(a.vhost.URL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, publisher.close()) }()
	child, err := startMemoryWorker(ctx, a.vhost.URL, s.MemoryEvery, log)
	if err != nil {
		return nil, err
	}
	run := memoryRun{
		goal: s.MemoryTasks, body: payload(s.PayloadBytes), publisher: publisher, child: child, log: log,
		looked: make(chan struct{}, 1),
	}
	err = both(ctx, run.watch, run.publish)
	if err = errors.Join(err, child.close()); err != nil {
		return nil, err
	}
	return memoryOf(s.MemoryTasks, run.samples)
}

// memoryRun keeps another process busy and takes the samples that it tells.
type memoryRun struct {
	goal      int
	body      []byte
	publisher *plainPublisher
	child     *memoryProcess
	log       io.Writer

	samples []sample
	done    atomic.Int64
	looked  chan struct{} // has a token after a sample
}

// watch takes samples until all tasks are run.
func (r *memoryRun) watch(context.Context) error {
	for {
		one, err := r.child.next()
		if err != nil {
			return err
		}
		r.samples = append(r.samples, one)
		if len(r.samples)%10 == 0 {
			fmt.Fprintf(r.log, "%s  %d tasks run, %.1f MiB, %d goroutines\n", memoryName, one.Tasks, mebibytes(one.RSS), one.Goroutines)
		}
		r.done.Store(one.Tasks)
		select {
		case r.looked <- struct{}{}:
		default:
		}
		if one.Tasks >= int64(r.goal) {
			return nil
		}
	}
}

// publish publishes all tasks, at most a backlog more than are known to be run.
func (r *memoryRun) publish(ctx context.Context) error {
	for published := 0; published < r.goal; {
		if published-int(r.done.Load()) > backlog-batch {
			select {
			case <-r.looked:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		n := min(batch, r.goal-published)
		if err := r.publisher.many(ctx, n, r.body); err != nil {
			return err
		}
		published += n
	}
	return nil
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
