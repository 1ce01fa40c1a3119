package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// Worker runs the tasks of a number of queues.
type Worker struct {
	client   *broker.Client
	cfg      Config
	spec     routing.Spec
	queues   []*queue
	reports  *reports
	controls controls
	began    atomic.Bool
	ready    atomic.Bool

	declaring singleflight.Group
}

// ErrAlreadyRun is a second call of Run, for errors.Is.
var ErrAlreadyRun = errors.New("the worker has run already")

// New returns a worker that is ready to run. It does not touch the broker. A field out of bounds
// returns an error that is [ErrInvalidConfig].
func New(client *broker.Client, cfg Config) (*Worker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	w := &Worker{client: client, cfg: cfg, spec: cfg.spec()}
	if cfg.Topology != nil {
		w.spec = *cfg.Topology
	}
	w.reports = newReports(client, &cfg)
	w.controls = controls{client: client, clock: cfg.Clock, log: cfg.Log}
	for i := range cfg.Queues {
		q := newQueue(client, cfg.Queues[i], &cfg, w.declare, w.reports, w.controls.revoked)
		w.queues, w.controls.queues = append(w.queues, q), append(w.controls.queues, q)
	}
	return w, nil
}

// declare declares the topology. Those who call it while another is at it share what comes of it,
// since many notice at once that it is gone.
func (w *Worker) declare(ctx context.Context) error {
	_, err, _ := w.declaring.Do("", func() (any, error) { return nil, w.client.Declare(ctx, w.spec) })
	return err
}

// Run declares the topology, reads what the control stream says, consumes, and blocks until ctx is done; then it drains: it stops
// taking deliveries, lets running tasks go on for the grace period, cancels those that are left,
// gives back what has not been done, and returns when its goroutines are gone. It returns nil
// after a clean drain, an error that names the queue where handlers did not heed their
// cancellation (their goroutines are then left behind), and before it consumes the errors of
// broker.Client.Declare. A worker runs once.
func (w *Worker) Run(ctx context.Context) error {
	if w.began.Swap(true) {
		return ErrAlreadyRun
	}
	if err := w.declare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began
		}
		return err
	}
	defer w.reports.start()()
	if err := w.controls.start(ctx); err != nil {
		return err
	}
	for i, q := range w.queues {
		if err := q.start(ctx, w.client, w.controls.pausedAtStart(q)); err != nil {
			return errors.Join(err, w.stop(w.queues[:i]))
		}
	}
	w.controls.begin()
	w.ready.Store(true)
	w.cfg.Log.Info("worker runs", "worker", w.cfg.Name, "queues", len(w.queues))
	<-ctx.Done()
	w.ready.Store(false)
	w.cfg.Log.Info("worker stops", "grace", w.cfg.Grace)
	err := w.stop(w.queues)
	w.cfg.Log.Info("worker has stopped")
	return err
}

// stop ends the following of the control stream, then drains queues side by side.
func (w *Worker) stop(queues []*queue) error {
	w.controls.close()
	var all sync.WaitGroup
	failures := make([]error, len(queues))
	for i, q := range queues {
		all.Go(func() { failures[i] = q.stop(w.cfg.Grace, w.cfg.StopTimeout) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// ErrNotRunning is the answer of Ready before Run has begun to consume and after it was told to
// stop, for errors.Is.
var ErrNotRunning = errors.New("the worker does not run")

// Ready returns nil while every queue is being consumed, or paused, and tasks can be published, else why
// not.
func (w *Worker) Ready() error {
	if !w.ready.Load() {
		return ErrNotRunning
	}
	failures := []error{w.client.Ready()}
	for _, q := range w.queues {
		failures = append(failures, q.consumer.Ready())
	}
	return errors.Join(failures...)
}

// Degraded says what a worker that is ready does without: what the control stream says, where it cannot be
// read, or has not been up to now. It is nil where nothing is lacking, and while the worker does not run.
func (w *Worker) Degraded() error {
	if !w.ready.Load() {
		return nil
	}
	return w.controls.degraded()
}
