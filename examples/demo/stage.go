package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/logging"
)

// binaries are the programs that a demo runs and their configuration.
type binaries struct {
	demo, worker, scheduler string
	config                  string
}

// check returns an error where a file is not there.
func (b *binaries) check() error {
	for _, file := range []string{b.worker, b.scheduler, b.config} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%w (`make demo` builds what it needs, in the project's folder)", err)
		}
	}
	return nil
}

// stage is everything that a demo starts and stops but for the broker: the web service that runs
// tasks, a worker, a scheduler, and a client to publish with.
type stage struct {
	config    *config.Config
	client    *broker.Client
	worker    *process
	scheduler *process

	folder  string // of the processes' output
	log     *os.File
	service *http.Server
	served  chan struct{} // closed when the service has ended
}

// openStage starts everything and returns when worker and scheduler are ready. observe is told of
// each run. After an error nothing is left running.
func openStage(ctx context.Context, v venue, bin binaries, observe func(run)) (*stage, error) {
	s := &stage{}
	if err := s.open(ctx, v, bin, observe); err != nil {
		return nil, s.close(ctx, err)
	}
	return s, nil
}

func (s *stage) open(ctx context.Context, v venue, bin binaries, observe func(run)) (err error) {
	if s.folder, err = os.MkdirTemp("", "warren-demo-"); err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.folder, "demo.log")); err != nil {
		return err
	}
	address, err := s.serve(observe)
	if err != nil {
		return fmt.Errorf("serve tasks: %w", err)
	}
	environment := append(os.Environ(), v.environment()...)
	environment = append(environment,
		"DEMO_HANDLER_URL=http://"+address, "DEMO_REPORT_URL=http://"+address+"/reports", "DEMO_BIN="+bin.demo,
		logging.EnvLevel+"=info") // at which the ticks are told
	if s.config, err = config.LoadEnv(bin.config, lookup(environment)); err != nil {
		return err
	}
	if s.worker, err = startProcess(bin.worker, bin.config, s.folder, environment); err != nil {
		return err
	}
	if s.scheduler, err = startProcess(bin.scheduler, bin.config, s.folder, environment); err != nil {
		return err
	}
	for _, p := range []*process{s.worker, s.scheduler} {
		if err := p.awaitReady(ctx); err != nil {
			return err
		}
	}
	s.client, err = broker.Connect(ctx, broker.Config{
		URLs: s.config.Broker.URLs, Management: s.config.Broker.Management, Prefix: s.config.Broker.Prefix,
		Name: "demo", Log: logging.New(s.log, slog.LevelInfo),
	})
	return err
}

// lookup looks up variables as os.LookupEnv does. The last of one name counts, as for a process.
func lookup(environment []string) func(string) (string, bool) {
	variables := map[string]string{}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}
}

// serve starts the web service on a free port and returns its address.
func (s *stage) serve(observe func(run)) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s.service = newServer(&service{observe: observe, now: time.Now}, s.log)
	s.served = make(chan struct{})
	go func() {
		defer close(s.served)
		_ = s.service.Serve(listener) // ends by Close, else its tasks fail and tell
	}()
	return listener.Addr().String(), nil
}

// alive is nil unless a process has ended by itself.
func (s *stage) alive() error { return errors.Join(s.worker.alive(), s.scheduler.alive()) }

// emitted returns the ticks that the scheduler says it has emitted so far.
func (s *stage) emitted() ([]tick, error) {
	log, err := os.Open(s.scheduler.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return emittedTicks(log)
}

// close stops everything, in this order: scheduler, worker, client, web service. It returns err and
// what was wrong with the end of a process; where something was, and ctx has not ended, the output
// of the processes is kept.
func (s *stage) close(ctx context.Context, err error) error {
	for _, p := range []*process{s.scheduler, s.worker} {
		if p != nil {
			err = errors.Join(err, p.stop())
		}
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.service != nil {
		_ = s.service.Close() // its listener: nobody asks any more
		<-s.served
	}
	if s.log != nil {
		s.log.Close()
	}
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, os.RemoveAll(s.folder))
	}
	return fmt.Errorf("%w\nThe output of worker and scheduler is kept in %s", err, s.folder)
}
