package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// station is where a worker process works. It travels in the environment.
type station struct {
	url       string // of the broker
	postgres  string // where there is one
	unguarded bool   // without idempotency
	mended    string // a file: where it is, what had letters' handlers fail is mended
	ledger    string // a file
	process   string // the name of this process; no other ever has it
}

const (
	envURL       = "CHAOS_URL"
	envPostgres  = "CHAOS_POSTGRES"
	envUnguarded = "CHAOS_UNGUARDED"
	envMended    = "CHAOS_MENDED"
	envLedger    = "CHAOS_LEDGER"
	envProcess   = "CHAOS_PROCESS"
)

func stationFrom(getenv func(string) string) station {
	return station{
		url: getenv(envURL), postgres: getenv(envPostgres), unguarded: getenv(envUnguarded) == "true",
		mended: getenv(envMended), ledger: getenv(envLedger), process: getenv(envProcess),
	}
}

func (s station) environment() []string {
	return []string{
		envURL + "=" + s.url, envPostgres + "=" + s.postgres, envUnguarded + "=" + strconv.FormatBool(s.unguarded),
		envMended + "=" + s.mended, envLedger + "=" + s.ledger, envProcess + "=" + s.process,
	}
}

// retries are soon, so that a run sees many of them: the first comes straight back to the queue,
// the others by the delay ladder.
var retries = tasks.RetryPolicy{MaxAttempts: 4, Initial: 100 * time.Millisecond, Max: time.Second, Factor: 3}

// serve is a worker process: it runs tasks until ctx is done, and writes what it does to the
// ledger. It works on three queues: that of most tasks, that of the tasks that wait in line, and that of the
// schedulers' ticks.
func serve(ctx context.Context, at station, out io.Writer) (err error) {
	p, err := openPen(at.ledger, at.process)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	h := &player{pen: p}
	mux, ordered, ticking := tasks.NewMux(), tasks.NewMux(), tasks.NewMux()
	mux.HandleFunc(keyHandled, h.handle)
	ordered.HandleFunc(keyOrdered, h.handle)
	ticking.HandleFunc(ticksRoute, h.tick)
	return at.workOn(ctx, out,
		worker.Queue{Name: queueName, Routes: []string{route}, Mux: mux, Retry: retries},
		worker.Queue{
			Name: orderedQueue, Routes: []string{orderedRoute}, Mux: ordered, Retry: retries, Concurrency: 1, Prefetch: orderedPrefetch,
		},
		worker.Queue{Name: ticksQueue, Routes: []string{ticksRoute}, Mux: ticking, Retry: retries})
}

// orderedPrefetch is how many of the tasks that wait in line a worker has at a time: the one that runs and
// one more, so that it is known what it could choose from.
const orderedPrefetch = 2

// work works on one queue until ctx is done.
func (s station) work(ctx context.Context, queue worker.Queue, out io.Writer) error {
	return s.workOn(ctx, out, queue)
}

// workOn works on some queues until ctx is done.
func (s station) workOn(ctx context.Context, out io.Writer, queues ...worker.Queue) error {
	log := slog.New(slog.NewTextHandler(out, nil)).With("process", s.process)
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{s.url}, Name: s.process, BackoffMax: time.Second, Log: log})
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := worker.New(client, worker.Config{Queues: queues, Name: s.process, Log: log})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// player is the handler: it does what the script of a task says.
type player struct{ pen *pen }

var (
	errScripted = errors.New("the script says so")
	errUnread   = errors.New("the script cannot be read")
)

// handle writes to the ledger around a run. What cannot be written did not happen for the checker,
// so it fails.
func (p *player) handle(ctx context.Context, t *tasks.Task) error {
	number, err := p.pen.start(t, time.Now())
	if err != nil {
		return err
	}
	result, err := play(ctx, t)
	return errors.Join(err, p.pen.finish(number, result, time.Now()))
}

// tick writes that a tick's task is run, which is all that there is to do.
func (p *player) tick(_ context.Context, t *tasks.Task) error { return p.pen.tick(t, time.Now()) }

// play runs a script.
func play(ctx context.Context, t *tasks.Task) (outcome, error) {
	var s script
	if err := json.Unmarshal(t.Payload, &s); err != nil {
		return ended, tasks.Permanent(errors.Join(errUnread, err))
	}
	timer := time.NewTimer(time.Duration(s.WorkMicros) * time.Microsecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return cut, ctx.Err()
	}
	switch {
	case s.Permanent:
		return ended, tasks.Permanent(errScripted)
	case t.Attempt <= s.Fails:
		return failed, errScripted
	case s.SnoozeMillis > 0 && t.NotBefore.IsZero():
		return snoozed, tasks.Snooze(time.Duration(s.SnoozeMillis) * time.Millisecond)
	}
	return succeeded, nil
}
