package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

const (
	loadWorkers = 3
	// loadQueueType is what an operator of a cluster chooses, and what auto is where the version or the
	// management API says so.
	loadQueueType = routing.Quorum
	// clusterWarmUp is how long the load goes on before the first fault.
	clusterWarmUp = 5 * time.Second
	// clusterPatience is how long what is under way may take once the load is over.
	clusterPatience = 2 * time.Minute
)

// stage is where a run takes place: a cluster, a proxy before each node, by which all clients reach it, a
// load, workers and schedulers. Each client has the addresses of all nodes and begins with another.
type stage struct {
	options clusterOptions
	cluster *brokertest.Cluster
	program string // of the scheduler
	folder  string
	log     io.Writer

	proxies   []*brokertest.Proxy
	clientLog *os.File
	loader    *loader
	ledger    *ledger
	crew      *crew
	arena     *arena
	source    string
	took      time.Duration
	evidence  clusterEvidence
}

// open makes the queues and starts the processes.
func (s *stage) open(ctx context.Context) (err error) {
	s.source = s.cluster.Nodes[0].Source
	var urls []string
	for _, node := range s.cluster.Nodes {
		proxy, err := brokertest.StartProxy(ctx, node.URL)
		if err != nil {
			return err
		}
		s.proxies, urls = append(s.proxies, proxy), append(urls, proxy.URL())
	}
	if s.clientLog, err = os.Create(filepath.Join(s.folder, "publishers.log")); err != nil {
		return err
	}
	s.loader = &loader{seed: s.options.seed, rate: s.options.rate, odd: map[string]int{}}
	for i := range loadPublishers {
		client, err := broker.Connect(ctx, broker.Config{
			URLs: from(urls, i), Name: fmt.Sprintf("publisher-%d", i+1),
			Log: slog.New(slog.NewTextHandler(s.clientLog, nil)).With("publisher", i+1),
		})
		if err != nil {
			return err
		}
		s.loader.clients = append(s.loader.clients, client)
	}
	if err := s.declare(ctx); err != nil {
		return err
	}
	path := filepath.Join(s.folder, "ledger")
	if s.ledger, err = openLedger(path); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.crew = employ(trade{name: "worker", command: func(place int, name string) *exec.Cmd {
		cmd := exec.Command(self, roleLoad)
		cmd.Env = append(bareEnvironment(), station{url: strings.Join(from(urls, place), " "), ledger: path, process: name}.environment()...)
		return cmd
	}}, loadWorkers, s.folder)
	s.arena = &arena{entries: killEntries, management: s.cluster.Nodes[0].Management, program: s.program, folder: s.folder, log: s.log}
	for i := range urls {
		s.arena.urls = append(s.arena.urls, from(urls, i))
	}
	return s.arena.open(ctx)
}

// from is a list that begins at a place and goes round.
func from(all []string, place int) []string {
	place %= len(all)
	return slices.Concat(all[place:], all[:place])
}

// declare makes the queues of the load.
func (s *stage) declare(ctx context.Context) error {
	var spec routing.Spec
	for i := range loadQueues {
		pattern, err := routing.ParsePattern(loadRoute(i))
		if err != nil {
			return err
		}
		spec.Queues = append(spec.Queues, routing.QueueSpec{Name: loadQueue(i), Type: loadQueueType, Routes: []routing.Pattern{pattern}})
	}
	return s.loader.clients[0].Declare(ctx, spec)
}

// close ends what is left of all that was opened.
func (s *stage) close() error {
	var errs []error
	if s.arena != nil {
		errs = append(errs, s.arena.close())
	}
	if s.crew != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		errs = append(errs, s.crew.stop(ctx))
	}
	if s.loader != nil {
		for _, client := range s.loader.clients {
			client.Close()
		}
	}
	for _, proxy := range s.proxies {
		proxy.Close()
	}
	if s.ledger != nil {
		errs = append(errs, s.ledger.close())
	}
	if s.clientLog != nil {
		errs = append(errs, s.clientLog.Close())
	}
	return errors.Join(errs...)
}
