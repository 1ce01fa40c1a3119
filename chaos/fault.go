package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

var (
	errNoBroker = errors.New("no RabbitMQ could be started")
	errWrong    = errors.New("something is wrong")
)

// fault runs a plan on each kind of broker that was asked for, and reports on out. It returns
// errWrong where a check failed.
func fault(ctx context.Context, o options, out, log io.Writer) error {
	p := newPlan(o.settings)
	return o.onEach(ctx, log, func(b *brokertest.Broker) error { return runOn(ctx, b, p, out, log) })
}

// onEach calls a function with each kind of broker, one after the other.
func (c choice) onEach(ctx context.Context, log io.Writer, run func(*brokertest.Broker) error) error {
	var failures []error
	ran := 0
	for _, flavour := range c.brokers {
		b, err := brokertest.Start(ctx, flavour, brokertest.Options{Out: log})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && c.all:
			fmt.Fprintln(log, err)
			continue
		case err != nil:
			return err
		}
		ran++
		failures = append(failures, errors.Join(run(b), b.Close()))
		if ctx.Err() != nil {
			break
		}
	}
	if ran == 0 {
		return errNoBroker
	}
	return errors.Join(failures...)
}

// runOn runs a plan on a broker that nobody else uses. The logs of the workers are kept where
// something is wrong.
func runOn(ctx context.Context, b *brokertest.Broker, p *plan, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-chaos-")
	if err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, folder, "ledger", err, log) }()
	f := &field{plan: p, broker: b, folder: folder, log: log}
	if err := f.open(ctx); err != nil {
		return errors.Join(err, f.close())
	}
	err = f.run(ctx)
	if err = errors.Join(err, f.close()); err != nil {
		return err
	}
	v := check(p, &f.evidence)
	if err := v.write(out, p, f); err != nil {
		return err
	}
	if !v.holds() {
		return errWrong
	}
	return nil
}

// tidyUp removes the folder of a run that has ended with an error or none, unless something is wrong: then
// it says where its book is.
func tidyUp(ctx context.Context, folder, book string, err error, log io.Writer) error {
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	fmt.Fprintf(log, "The %s and the logs are in %s.\n", book, folder)
	return err
}

// field is where a plan is carried out: a broker, a crew of workers, a publisher, and what is known
// of them.
type field struct {
	plan   *plan
	broker *brokertest.Broker
	folder string
	log    io.Writer

	rig
	publisher *publisher

	evidence evidence
	byself   []string // workers that ended though nobody had killed them
	took     time.Duration
}

// open declares the topology and starts the workers.
func (f *field) open(ctx context.Context) (err error) {
	if f.clientLog, err = os.Create(filepath.Join(f.folder, "publisher.log")); err != nil {
		return err
	}
	if f.client, err = connectTo(ctx, f.broker, f.broker.URL, f.clientLog); err != nil {
		return err
	}
	path := filepath.Join(f.folder, "ledger")
	if f.ledger, err = openLedger(path); err != nil {
		return err
	}
	places := slices.Repeat([]station{{url: f.broker.URL, ledger: path}}, f.plan.workers+f.plan.spared)
	f.crew, err = startCrew(roleWorker, places, f.folder)
	return err
}

// connectTo returns a client with the topology of the workers declared.
func connectTo(ctx context.Context, b *brokertest.Broker, url string, log io.Writer) (*broker.Client, error) {
	pattern, err := routing.ParsePattern(route)
	if err != nil {
		return nil, err
	}
	spec := routing.Spec{Queues: []routing.QueueSpec{{Name: queueName, Routes: []routing.Pattern{pattern}}}}
	return connect(ctx, []string{url}, b.Management, spec, log)
}

// run publishes the tasks while the faults strike, waits until each task has ended, stops the
// workers, and gathers the evidence.
func (f *field) run(ctx context.Context) error {
	began := time.Now()
	f.publisher = &publisher{client: f.client, began: began, published: map[string]*publication{}}
	fmt.Fprintf(f.log, "%s: %d tasks in %s, %d faults, seed %d\n",
		f.broker.Source, len(f.plan.tasks), f.plan.length().Round(time.Second), len(f.plan.faults), f.plan.seed)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.publisher.run(groupCtx, f.plan.tasks) })
	group.Go(func() error { return f.strike(groupCtx, began) })
	telling, told := context.WithCancel(ctx)
	tellerEnded := make(chan struct{})
	go func() { defer close(tellerEnded); f.tell(telling) }()
	err := group.Wait()
	told()
	<-tellerEnded
	if err != nil {
		return err
	}
	fmt.Fprintln(f.log, "all is published and the faults are over; waiting for what is under way")
	if err := f.await(ctx); err != nil {
		return err
	}
	f.took = time.Since(began)
	if err := f.crew.stop(ctx); err != nil {
		return err
	}
	return f.gather(ctx)
}

// strike carries out the faults at their times. A broker that is restarted does not hold up the end
// of workers.
func (f *field) strike(ctx context.Context, began time.Time) error {
	restarts, ctx := errgroup.WithContext(ctx)
	restarts.SetLimit(1) // the second waits for the first
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, s := range f.plan.faults {
		timer.Reset(time.Until(began.Add(s.at)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return errors.Join(restarts.Wait(), ctx.Err())
		}
		if s.kind == killWorker {
			f.crew.kill(s.worker)
			continue
		}
		restarts.Go(func() error { return f.restart(ctx, s.kind) })
	}
	return restarts.Wait()
}

// restart ends the broker and starts it again.
func (f *field) restart(ctx context.Context, kind faultKind) error {
	end := f.broker.Stop
	if kind == crashBroker {
		end = f.broker.Kill
	}
	fmt.Fprintln(f.log, kind)
	from := time.Now()
	if err := end(ctx); err != nil {
		return err
	}
	if err := f.broker.Start(ctx); err != nil {
		return err
	}
	f.evidence.outages = append(f.evidence.outages, span{from, time.Now()}) // one restart at a time
	fmt.Fprintf(f.log, "broker is back after %s\n", time.Since(from).Round(100*time.Millisecond))
	return nil
}

// tellEvery is how often a run says how far it is.
const tellEvery = 5 * time.Second

// tell says how far the run is until ctx is done.
func (f *field) tell(ctx context.Context) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			deaths, _, _ := f.crew.told()
			fmt.Fprintf(f.log, "%d of %d tasks published, %d workers killed\n",
				f.publisher.confirmed.Load(), len(f.plan.tasks), len(deaths))
		case <-ctx.Done():
			return
		}
	}
}
