package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/promtest"
)

const (
	soakWorkers = 2
	// settleWithin is how long what is published may take to be run, its delays not counted.
	settleWithin = 2 * time.Minute
	// soakPublisher and soakScheduler are what these processes are called.
	soakPublisher = "publisher"
	soakScheduler = "scheduler"
	// emittedTicks is what the scheduler calls the ticks that it has published.
	emittedTicks = `warren_ticks_total{entry="tick",outcome="emitted"}`
)

// soak has a steady load run for long, and judges whether anything grows. It returns errWrong where
// something does, or where not everything was run.
func soak(ctx context.Context, o soakOptions, out, log io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return withProgram(ctx, schedulerPackage, log, func(scheduler string) error {
		return o.onEach(ctx, log, func(b *brokertest.Broker) error { return soakOn(ctx, b, o, self, scheduler, out, log) })
	})
}

// soakOn is a run on one broker. The configuration and the logs are kept where something is wrong.
func soakOn(ctx context.Context, b *brokertest.Broker, o soakOptions, self, scheduler string, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-soak-")
	if err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, folder, "configuration", err, log) }()
	p := pond{options: o, broker: b, self: self, scheduler: scheduler, folder: folder, log: log, listens: map[string]string{}}
	err = p.open(ctx)
	if err == nil {
		err = p.run(ctx)
	}
	if err = errors.Join(err, p.close()); err != nil {
		return err
	}
	return p.tell(out)
}

// pond is where a soak takes place: a broker, two workers, a scheduler and a publisher, and what is known of them.
type pond struct {
	options   soakOptions
	broker    *brokertest.Broker
	self      string // this program
	scheduler string // that one
	folder    string
	log       io.Writer

	client            *broker.Client
	clientLog         *os.File
	workers, emitters *crew
	listens           map[string]string
	sampler           sampler
	account           account
	unasked           []string // ends of processes that nobody had asked for
}

// open declares the topology and starts all but the publisher.
func (p *pond) open(ctx context.Context) (err error) {
	names := []string{"worker-1", "worker-2", soakScheduler, soakPublisher}
	for _, name := range names {
		if p.listens[name], err = promtest.FreeAddress(ctx); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("broker: {urls: [%q]}\nqueues: {%s: {routes: [%q]}}\nhistory: {level: outcomes, max_size: 200MB}\n"+
		"schedules: {tick: {every: 1s, key: %s}}\nmetrics: {listen: %q}\n", p.broker.URL, queueName, route, tickKey, p.listens[soakScheduler])
	if err := os.WriteFile(p.config(), []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := config.LoadEnv(p.config(), func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	if p.clientLog, err = os.Create(filepath.Join(p.folder, "client.log")); err != nil {
		return err
	}
	if p.client, err = connect(ctx, cfg.Broker.URLs, p.broker.Management, cfg.Spec(), p.clientLog); err != nil {
		return err
	}
	p.workers = employ(trade{name: "worker", command: func(place int, _ string) *exec.Cmd {
		return p.process(roleSoakWorker, fmt.Sprintf("worker-%d", place+1))
	}}, soakWorkers, p.folder)
	p.emitters = employ(trade{name: soakScheduler, command: func(int, string) *exec.Cmd {
		cmd := exec.Command(p.scheduler, "-c", p.config())
		cmd.Env = bareEnvironment()
		return cmd
	}}, 1, p.folder)
	p.sampler = sampler{
		management: p.broker.Management, ladder: strings.TrimSuffix(p.client.Names().LadderExchange(0), "00"), listens: p.listens, names: names,
		rate: p.options.rate, last: map[string]map[string]float64{},
	}
	return p.awaitAnswers(ctx, names[:len(names)-1])
}

func (p *pond) config() string            { return filepath.Join(p.folder, "warren.yaml") }
func (p *pond) result(name string) string { return filepath.Join(p.folder, name+".json") }

// process is this program in a role.
func (p *pond) process(role, name string) *exec.Cmd {
	return exec.Command(p.self, post{
		config: p.config(), listen: p.listens[name], result: p.result(name), name: name, load: p.options.soakSettings,
	}.args(role)...)
}

// awaitAnswers blocks until the processes answer, and the management API too: a young node has nothing to tell there.
func (p *pond) awaitAnswers(ctx context.Context, names []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("not all processes and RabbitMQ answer after %s", readyWithin))
	defer cancel()
	questions := []func() error{func() error { _, err := askBroker(ctx, p.sampler.management, p.sampler.ladder); return err }}
	for _, name := range names {
		questions = append(questions, func() error { _, err := scrape(ctx, p.listens[name]); return err })
	}
	for _, answers := range questions {
		for err := answers(); err != nil; err = answers() {
			if !pauseFor(ctx, lookEvery) {
				return errors.Join(context.Cause(ctx), err)
			}
		}
	}
	return nil
}

// close ends what is left of all that was opened.
func (p *pond) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	var err error
	for _, c := range []*crew{p.workers, p.emitters} {
		if c != nil {
			err = errors.Join(err, c.stop(ctx))
		}
	}
	if p.client != nil {
		p.client.Close()
	}
	if p.clientLog != nil {
		err = errors.Join(err, p.clientLog.Close())
	}
	return err
}
