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
	"sync"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deploy"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/promtest"
	"github.com/warrenmq/warren/tasks"
)

// The processes.
const (
	mainWorker  = "worker-1" // works on all queues but one
	otherWorker = "worker-2" // works on that one
	theOne      = "scheduler"
)

// site is a small installation: a broker, two workers and a scheduler, a Prometheus that watches them, and what is
// known of its alerts.
type site struct {
	options  alertOptions
	broker   *brokertest.Broker
	programs map[string]string // by name
	folder   string
	log      io.Writer

	clientLog  *os.File
	client     *broker.Client
	listens    map[string]string // where each process listens
	crews      map[string]*crew
	prometheus *promtest.Server
	lookout    lookout
	steady     sync.WaitGroup

	dashboard dashboardAccount
	took      time.Duration
}

// open starts everything, and returns when Prometheus has seen the processes.
func (s *site) open(ctx context.Context, programs promtest.Programs) (err error) {
	if err := s.writeConfig(allQueues); err != nil {
		return err
	}
	cfg, err := config.LoadEnv(s.config(), func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	if s.clientLog, err = os.Create(filepath.Join(s.folder, "publisher.log")); err != nil {
		return err
	}
	if s.client, err = connect(ctx, []string{s.broker.URL}, s.broker.Management, cfg.Spec(), s.clientLog); err != nil {
		return err
	}
	s.listens, s.crews = map[string]string{}, map[string]*crew{}
	for _, name := range []string{mainWorker, otherWorker, theOne} {
		if s.listens[name], err = promtest.FreeAddress(ctx); err != nil {
			return err
		}
		s.start(name)
	}
	path, err := writePrometheus(s.folder, s.options.pace, map[string][]string{
		"warren-worker": {s.listens[mainWorker], s.listens[otherWorker]}, "warren-scheduler": {s.listens[theOne]},
	})
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		return err
	}
	if s.prometheus, err = programs.Start(ctx, path); err != nil {
		return err
	}
	s.lookout.ask = s.prometheus.Alerts
	return nil
}

func (s *site) config() string { return filepath.Join(s.folder, "warren.yaml") }

// start starts a process, and starts it again should it end by itself.
func (s *site) start(name string) {
	listen := envListen + "=" + s.listens[name] // now: the map is not the crew's
	s.crews[name] = employ(trade{name: name, command: func(int, string) *exec.Cmd {
		program := s.programs["worker"]
		args := []string{"-c", s.config()}
		switch name {
		case mainWorker:
			for _, queue := range mainQueues {
				args = append(args, "--queue", queue)
			}
		case otherWorker:
			args = append(args, "--queue", lonelyQueue)
		case theOne:
			program = s.programs["scheduler"]
		}
		cmd := exec.Command(program, args...)
		cmd.Env = append(bareEnvironment(), listen)
		return cmd
	}}, 1, s.folder)
}

// stop asks a process to end and returns when it has.
func (s *site) stop(ctx context.Context, names ...string) error {
	var failures []error
	for _, name := range names {
		if c := s.crews[name]; c != nil {
			failures = append(failures, c.stop(ctx))
			delete(s.crews, name)
		}
	}
	return errors.Join(failures...)
}

// readyWithin is how long processes may take to begin.
const readyWithin = 60 * time.Second

// awaitReady blocks until all processes are ready.
func (s *site) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("the processes are not ready after %s", readyWithin))
	defer cancel()
	for name := range s.crews {
		cmd := func() *exec.Cmd {
			cmd := exec.CommandContext(ctx, s.programs[strings.TrimRight(name, "-12")], "-c", s.config(), "--health")
			cmd.Env = append(bareEnvironment(), envListen+"="+s.listens[name])
			return cmd
		}
		for cmd().Run() != nil {
			if !pauseFor(ctx, lookEvery) {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

const (
	steadyEvery = 100 * time.Millisecond
	steadyKey   = steadyQueue + ".task"
)

// publishSteadily publishes tasks of which nothing is wrong until ctx is done. Those that cannot be published are
// not missed.
func (s *site) publishSteadily(ctx context.Context) {
	for pauseFor(ctx, steadyEvery) {
		_, _ = s.client.Enqueue(ctx, tasks.Task{Key: steadyKey})
	}
}

// enqueue publishes a number of tasks alike.
func (s *site) enqueue(ctx context.Context, n int, t tasks.Task) error {
	all := make([]tasks.Task, n)
	for i := range all {
		all[i] = t
	}
	for _, outcome := range s.client.EnqueueMany(ctx, all) {
		if outcome.Err != nil {
			return fmt.Errorf("enqueue %s: %w", t.Key, outcome.Err)
		}
	}
	return nil
}

// warren runs the operator's command.
func (s *site) warren(ctx context.Context, args ...string) error {
	end, err := runCommand(ctx, s.programs["warren"], append([]string{"-c", s.config()}, args...), nil)
	if err != nil {
		return err
	}
	return end.err(args)
}

// close ends what is left of all that was opened.
func (s *site) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	err := s.stop(ctx, mainWorker, otherWorker, theOne)
	if s.prometheus != nil {
		err = errors.Join(err, s.prometheus.Close())
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.clientLog != nil {
		err = errors.Join(err, s.clientLog.Close())
	}
	return err
}

func dashboardExpressions(step time.Duration) ([]deploy.Expression, error) {
	return deploy.Expressions(rateSteps * step)
}

// rateSteps is how many scrapes a rate is taken over at least, as Grafana's $__rate_interval.
const rateSteps = 4

// mayBeEmpty reports whether an expression may show nothing: what only the management API tells.
func mayBeEmpty(expr string, management bool) bool {
	return !management && strings.Contains(expr, "warren_queue_unacked")
}
