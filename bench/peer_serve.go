package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// peerCommand has this program be the process of an entrant that is written in Go; its name follows.
const peerCommand = "peer"

// system is a task system, or a loop, as its own process uses it. A due time that is zero is now.
type system interface {
	// enqueue publishes a number of tasks by the fastest way there is, and returns when all are confirmed.
	enqueue(ctx context.Context, count int, due time.Time) error
	// one publishes a task and returns when it is confirmed.
	one(ctx context.Context, id string, due time.Time) error
	// work runs tasks until it is stopped, and calls handle at the start of each.
	work(ctx context.Context, handle func(id string)) (stop func() error, err error)
	close() error
}

// systems open those that are written in Go, by their names, at an address and with a payload.
var systems = map[string]struct {
	open     func(ctx context.Context, url, variant string, body []byte) (system, error)
	versions func() string
}{
	"loop":   {openLoopSystem, func() string { return "amqp091-go " + versionOf(library) }},
	"warren": {openWarrenSystem, func() string { return "Warren " + describeWarren() + ", amqp091-go " + versionOf(library) }},
	"asynq":  {openAsynq, func() string { return "asynq " + versionOf("github.com/hibiken/asynq") }},
	"river":  {openRiver, func() string { return "River " + versionOf("github.com/riverqueue/river") }},
}

// servePeer is the process of an entrant: it answers the requests of in on out until in ends.
func servePeer(ctx context.Context, name string, in io.Reader, out io.Writer) (err error) {
	kind, known := systems[name]
	if !known {
		return fmt.Errorf("%q is no entrant", name)
	}
	size, err := strconv.Atoi(os.Getenv(envPayload))
	if err != nil {
		return fmt.Errorf("%s: %w", envPayload, err)
	}
	s, err := kind.open(ctx, os.Getenv(envURL), os.Getenv(envVariant), payload(size))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	lines := json.NewEncoder(out)
	if err := lines.Encode(hello{Versions: kind.versions()}); err != nil {
		return err
	}
	requests, cancel := readRequests(ctx, in)
	defer cancel()
	for one := range requests.all {
		// The answer comes before the worker is stopped, so that its memory can be looked at.
		said, stop := serve(requests.ctx, s, one)
		if err := errors.Join(lines.Encode(said), stop()); err != nil {
			return err
		}
	}
	return requests.err
}

// requested are the requests of a stream. Its context is done when the stream ends.
type requested struct {
	ctx context.Context
	all chan request
	err error // once all is closed
}

func readRequests(ctx context.Context, in io.Reader) (*requested, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	r := &requested{ctx: ctx, all: make(chan request)}
	go func() { // ends with in
		defer close(r.all)
		defer cancel()
		for lines := bufio.NewScanner(in); lines.Scan(); {
			var one request
			if r.err = json.Unmarshal(lines.Bytes(), &one); r.err != nil {
				return
			}
			select {
			case r.all <- one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r, cancel
}

// serve does what is asked for, and returns what stops the worker that it has started for that.
func serve(ctx context.Context, s system, r request) (answer, func() error) {
	worker := &served{system: s, stop: func() error { return nil }}
	a, err := perform(ctx, worker, r)
	if err != nil {
		a = answer{Error: err.Error()}
	}
	return a, worker.stop
}

// served is a system whose worker, if any, is stopped later.
type served struct {
	system
	stop func() error
}

func (s *served) begin(ctx context.Context, handle func(id string)) error {
	stop, err := s.work(ctx, handle)
	if err == nil {
		s.stop = stop
	}
	return err
}

func perform(ctx context.Context, s *served, r request) (answer, error) {
	switch r.Do {
	case doEnqueue:
		var due time.Time
		began := time.Now()
		if r.DelayMS > 0 {
			due = began.Add(time.Duration(r.DelayMS) * time.Millisecond)
		}
		err := s.enqueue(ctx, r.Count, due)
		return answer{Count: r.Count, Seconds: time.Since(began).Seconds()}, err
	case doDrain:
		m := newMeter(r.Count)
		return metered(ctx, s, r, m, func(context.Context) error { return nil })
	case doBoth:
		m := newMeter(r.Count)
		return metered(ctx, s, r, m, func(ctx context.Context) error {
			m.start()
			return s.enqueue(ctx, r.Count, time.Time{})
		})
	case doLatency:
		return timed(ctx, s, r, func(time.Time) time.Time { return time.Time{} })
	case doDelays:
		return timed(ctx, s, r, func(now time.Time) time.Time {
			return now.Add(rand.N(time.Duration(r.DelayMS) * time.Millisecond))
		})
	default:
		return answer{}, fmt.Errorf("%q is no request", r.Do)
	}
}

// metered runs tasks, which publish may publish first, until the meter has reached its goal or the limit is over.
func metered(ctx context.Context, s *served, r request, m *meter, publish func(context.Context) error) (answer, error) {
	if err := s.begin(ctx, func(string) { m.hit() }); err != nil {
		return answer{}, err
	}
	if err := publish(ctx); err != nil {
		return answer{}, err
	}
	err := awaitUpTo(ctx, m, r.limit())
	count, took := m.reading()
	return answer{Count: count, Seconds: took.Seconds()}, err
}

// timed publishes tasks at a rate and takes the time of each.
func timed(ctx context.Context, s *served, r request, due func(time.Time) time.Time) (answer, error) {
	w := newStopwatch(r.Count)
	if err := s.begin(ctx, w.stop); err != nil {
		return answer{}, err
	}
	err := paced(ctx, r.Count, r.Rate, func(task int) error {
		now := time.Now()
		at := due(now)
		if at.IsZero() {
			w.from(task, now)
		} else {
			w.from(task, at)
		}
		return s.one(ctx, strconv.Itoa(task), at)
	})
	if err == nil {
		err = awaitUpTo(ctx, w.meter, r.limit())
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{}
	for _, passed := range w.times() {
		if passed != 0 { // it was started
			a.Times = append(a.Times, int64(passed))
		}
	}
	a.Count = len(a.Times)
	return a, nil
}

// awaitUpTo waits until a meter has reached its goal, or a limit is over.
func awaitUpTo(ctx context.Context, m *meter, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-m.done:
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
