package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/bench/internal/proc"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/pgtest"
)

// site is a server that entrants work on.
type site interface {
	// open makes an empty place on it and returns its address, and what removes the place again.
	open(ctx context.Context) (url string, remove func() error, err error)
	// pid is the process that those of the server descend from, 0 where it is not known.
	pid() int
	// server says what it is, and durability who forces what to disk when.
	server() string
	durability() string
	close() error
}

// rabbit is RabbitMQ, for Warren and the loop, which share a topology: a quorum queue.
type rabbit struct {
	broker *brokertest.Broker
	beam   int
}

func openRabbit(ctx context.Context, flavour string, log io.Writer) (*rabbit, error) {
	b, err := openBroker(ctx, flavour, log)
	if err != nil {
		return nil, err
	}
	r := &rabbit{broker: b}
	if r.beam, err = beamOf(ctx, b); err != nil {
		fmt.Fprintln(log, "what RabbitMQ uses cannot be told:", err)
	}
	return r, nil
}

const (
	beamTimeout = 20 * time.Second // a node tells its process some seconds after it has started
	beamPoll    = 200 * time.Millisecond
)

// beamOf returns the process of a RabbitMQ on this machine, in a container or not.
func beamOf(ctx context.Context, b *brokertest.Broker) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, beamTimeout)
	defer cancel()
	ticker := time.NewTicker(beamPoll)
	defer ticker.Stop()
	for {
		pid, err := askBeam(ctx, b.Management)
		if err == nil {
			return proc.Inside("beam.smp", pid)
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-ticker.C:
		}
	}
}

// askBeam asks the management API for the node's pid where it runs.
func askBeam(ctx context.Context, management string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, management+"/api/nodes", nil)
	if err != nil {
		return 0, errors.New("the address of its management API is none")
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	var nodes []struct {
		PID string `json:"os_pid"`
	}
	if err := json.NewDecoder(response.Body).Decode(&nodes); err != nil {
		return 0, fmt.Errorf("%s: %w", response.Status, err)
	}
	if len(nodes) != 1 {
		return 0, fmt.Errorf("it has %d nodes", len(nodes))
	}
	return strconv.Atoi(nodes[0].PID)
}

func (r *rabbit) open(ctx context.Context) (string, func() error, error) {
	a, err := openArena(ctx, r.broker)
	if err != nil {
		return "", nil, err
	}
	return a.vhost.URL, a.close, nil
}

func (r *rabbit) pid() int       { return r.beam }
func (r *rabbit) server() string { return "RabbitMQ " + r.broker.Version }
func (r *rabbit) close() error   { return r.broker.Close() }
func (r *rabbit) durability() string {
	return "quorum queue: on disk, with fsync, before it is confirmed"
}

// plainRabbit is the same RabbitMQ with empty virtual hosts, for Celery, which declares a classic queue.
type plainRabbit struct{ *rabbit }

func (r plainRabbit) open(ctx context.Context) (string, func() error, error) {
	a, err := newArena(ctx, r.broker)
	if err != nil {
		return "", nil, err
	}
	return a.vhost.URL, a.close, nil
}

func (r plainRabbit) close() error { return nil } // it is rabbit's
func (r plainRabbit) durability() string {
	return "classic durable queue, persistent messages, publisher confirms: RabbitMQ decides when it syncs what it has confirmed"
}

func (r *redisServer) open(ctx context.Context) (string, func() error, error) {
	if err := r.clear(ctx); err != nil {
		return "", nil, err
	}
	return r.address, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		return r.clear(ctx)
	}, nil
}

func (r *redisServer) pid() int       { return r.PID() }
func (r *redisServer) server() string { return "Redis " + r.version }
func (r *redisServer) close() error   { return r.Close() }
func (r *redisServer) durability() string {
	return "appendonly yes, appendfsync everysec: up to a second of what was confirmed is lost with the machine"
}

// postgres is PostgreSQL with its defaults.
type postgres struct{ *pgtest.Server }

func openPostgres(ctx context.Context, log io.Writer, install bool) (*postgres, error) {
	s, err := pgtest.Find(ctx, pgtest.Options{Out: log, In: os.Stdin, Durable: true, NoInstall: !install})
	if err != nil {
		return nil, err
	}
	return &postgres{s}, nil
}

func (p *postgres) open(ctx context.Context) (string, func() error, error) {
	url, err := p.CreateDatabase(ctx)
	if err != nil {
		return "", nil, err
	}
	return url, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		return p.DropDatabase(ctx, url)
	}, nil
}

func (p *postgres) pid() int       { return p.PID() }
func (p *postgres) server() string { return "PostgreSQL " + strings.TrimSpace(p.Version) }
func (p *postgres) close() error   { return p.Close() }
func (p *postgres) durability() string {
	return "fsync and synchronous_commit on: on disk before the commit returns"
}
