package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	return withProgram(ctx, schedulerPackage, log, func(program string) error {
		p := newPlan(o.settings)
		return o.onEach(ctx, log, func(b *brokertest.Broker) error { return runOn(ctx, b, p, program, out, log) })
	})
}

// handOver is how long RabbitMQ waits before it hands a message over again that was between two rungs of the
// delay ladder when it was stopped. By its defaults that is three minutes, for which every run would wait
// (docs/delays.md); this is what compose.yaml has too.
const handOver = 10 * time.Second

// erlArgs has a broker wait that long.
var erlArgs = fmt.Sprintf("-rabbit dead_letter_worker_publisher_confirm_timeout %d", handOver.Milliseconds())

// onEach calls a function with each kind of broker, one after the other.
func (c choice) onEach(ctx context.Context, log io.Writer, run func(*brokertest.Broker) error) error {
	return onEachOf(ctx, c, log, func(flavour brokertest.Flavour) (*brokertest.Broker, error) {
		return brokertest.Start(ctx, flavour, brokertest.Options{Out: log, ErlArgs: erlArgs})
	}, run)
}

// onEachOf calls a function with what is started of each kind, a broker or a cluster, one after the other.
func onEachOf[B io.Closer](
	ctx context.Context, c choice, log io.Writer, start func(brokertest.Flavour) (B, error), run func(B) error,
) error {
	var failures []error
	ran := 0
	for _, flavour := range c.brokers {
		b, err := start(flavour)
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

// runOn runs a plan on a broker that nobody else uses. The logs of the processes are kept where
// something is wrong.
func runOn(ctx context.Context, b *brokertest.Broker, p *plan, scheduler string, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-chaos-")
	if err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, folder, "ledger", err, log) }()
	f := &field{plan: p, broker: b, scheduler: scheduler, folder: folder, log: log}
	err = f.open(ctx)
	if err == nil {
		err = f.run(ctx)
	}
	if err = errors.Join(err, f.close()); err != nil {
		return err
	}
	v := check(p, &f.evidence)
	t := checkTicks(&f.ticks, &f.evidence, p.late)
	if err := (report{f, v, t}).write(out); err != nil {
		return err
	}
	if !v.holds() || !t.holds() {
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

// field is where a plan is carried out: a broker, workers, schedulers and a publisher, each of them behind a
// gate of its own, and what is known of them.
type field struct {
	plan      *plan
	broker    *brokertest.Broker
	scheduler string // the program
	folder    string
	log       io.Writer

	rig                     // past the gates
	proxied  *broker.Client // the publisher's
	gates    map[actor]*gate
	reigning *crew // the schedulers
	told     *chronicle
	striker  *striker

	publisher *publisher
	evidence  evidence
	ticks     tickEvidence
	took      time.Duration
}

// open declares the topology and starts the workers and the schedulers.
func (f *field) open(ctx context.Context) (err error) {
	if f.clientLog, err = os.Create(filepath.Join(f.folder, "publisher.log")); err != nil {
		return err
	}
	spec, err := faultSpec()
	if err != nil {
		return err
	}
	if f.client, err = connect(ctx, []string{f.broker.URL}, f.broker.Management, spec, f.clientLog); err != nil {
		return err
	}
	if err := f.openGates(); err != nil {
		return err
	}
	if f.proxied, err = connect(ctx, []string{f.gates[actor{role: thePublisher}].url}, f.broker.Management, spec, f.clientLog); err != nil {
		return err
	}
	path := filepath.Join(f.folder, "ledger")
	if f.ledger, err = openLedger(path); err != nil {
		return err
	}
	var places []station
	for place := range mortals + spared {
		places = append(places, station{url: f.gates[actor{aWorker, place}].url, ledger: path})
	}
	if f.crew, err = startCrew(roleWorker, places, f.folder); err != nil {
		return err
	}
	return f.openSchedulers()
}

// faultSpec is the topology of a run.
func faultSpec() (routing.Spec, error) {
	var spec routing.Spec
	for _, queue := range [][2]string{{queueName, route}, {orderedQueue, orderedRoute}, {ticksQueue, ticksRoute}} {
		pattern, err := routing.ParsePattern(queue[1])
		if err != nil {
			return routing.Spec{}, err
		}
		spec.Queues = append(spec.Queues, routing.QueueSpec{Name: queue[0], Routes: []routing.Pattern{pattern}})
	}
	return spec, nil
}

// openGates opens a gate for everybody.
func (f *field) openGates() error {
	all := []actor{{role: thePublisher}}
	for place := range mortals + spared {
		all = append(all, actor{aWorker, place})
	}
	for place := range schedulers {
		all = append(all, actor{aScheduler, place})
	}
	f.gates = map[actor]*gate{}
	for _, who := range all {
		g, err := openGate(who.String(), f.broker.URL)
		if err != nil {
			return err
		}
		f.gates[who] = g
	}
	return nil
}

// openSchedulers starts the schedulers.
func (f *field) openSchedulers() error {
	path := func(place int) string {
		return filepath.Join(f.folder, fmt.Sprintf("%s.yaml", actor{aScheduler, place}))
	}
	for place := range schedulers {
		urls := []string{strconv.Quote(f.gates[actor{aScheduler, place}].url)} // YAML takes its ? for its own
		if err := writeConfig(path(place), urls, f.broker.Management, killEntries); err != nil {
			return err
		}
	}
	f.told = newChronicle()
	f.reigning = employ(trade{name: "scheduler", tap: f.told.tap, away: schedulerAway, command: func(place int, _ string) *exec.Cmd {
		cmd := exec.Command(f.scheduler, "-c", path(place))
		cmd.Env = bareEnvironment()
		return cmd
	}}, schedulers, f.folder)
	return nil
}

// close ends what is left of all that was opened.
func (f *field) close() error {
	var err error
	if f.reigning != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		err = f.reigning.stop(ctx)
	}
	if f.proxied != nil {
		f.proxied.Close()
	}
	err = errors.Join(err, f.rig.close())
	for _, g := range f.gates {
		g.close()
	}
	return err
}

// run publishes the tasks while the faults strike, waits until each task has ended, stops all
// processes, and gathers the evidence.
func (f *field) run(ctx context.Context) error {
	if err := f.awaitFirstTick(ctx); err != nil {
		return err
	}
	began := time.Now()
	f.publisher = &publisher{client: f.proxied, began: began, published: map[string]*publication{}}
	f.striker = &striker{
		broker: f.broker, gates: f.gates, workers: f.crew, schedulers: f.reigning, leader: f.leader, log: f.log,
	}
	fmt.Fprintf(f.log, "%s: %d tasks in %s, %d faults, seed %d\n",
		f.broker.Source, len(f.plan.tasks), f.plan.length().Round(time.Second), len(f.plan.faults), f.plan.seed)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.publisher.run(groupCtx, f.plan.tasks) })
	group.Go(func() error { return f.striker.run(groupCtx, began, f.plan.faults) })
	telling, over := context.WithCancel(ctx)
	tellerEnded := make(chan struct{})
	go func() { defer close(tellerEnded); f.tell(telling) }()
	err := group.Wait()
	over()
	<-tellerEnded
	if err != nil {
		return err
	}
	fmt.Fprintln(f.log, "all is published and the faults are over; waiting for what is under way")
	if err := f.awaitTicks(ctx); err != nil {
		return err
	}
	if err := f.await(ctx); err != nil {
		return err
	}
	f.took = time.Since(began)
	if err := f.crew.stop(ctx); err != nil {
		return err
	}
	return f.gather(ctx)
}

// leader returns where the scheduler runs that leads, if one does soon.
func (f *field) leader(ctx context.Context) (place int, leads bool) {
	ctx, cancel := context.WithTimeout(ctx, leaderSoon)
	defer cancel()
	leading, err := f.told.awaitLeader(ctx, func(process string) bool {
		deaths, byself, _ := f.reigning.told()
		return slices.ContainsFunc(deaths, func(d death) bool { return d.process == process }) ||
			slices.ContainsFunc(byself, func(text string) bool { return strings.HasPrefix(text, process+":") })
	})
	if err != nil {
		return 0, false
	}
	return f.reigning.placeOf(leading.process)
}

// tellEvery is how often a run says how far it is.
const tellEvery = 10 * time.Second

// tell says how far the run is until ctx is done.
func (f *field) tell(ctx context.Context) {
	for pauseFor(ctx, tellEvery) {
		fmt.Fprintf(f.log, "%d of %d tasks published, %d faults have struck\n",
			f.publisher.confirmed.Load(), len(f.plan.tasks), len(f.striker.told()))
	}
}
