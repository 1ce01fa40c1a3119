package main

import (
	"context"
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/scheduler"
)

// check finds out whether there is something to schedule, and keys where it is to be encrypted.
func check(cfg *config.Config) error {
	if len(cfg.Schedules) == 0 {
		return errors.New("schedules: there is none")
	}
	_, err := cfg.Encryption.Load()
	return err
}

// serve declares the topology, as every process does, and emits ticks until ctx is done. They go
// through the public entrance: a tick that no queue wants is parked, not lost.
func serve(ctx context.Context, service daemon.Service) error {
	client, cfg := service.Client, service.Config
	cipher, err := cfg.Encryption.Load()
	if err != nil {
		return err
	}
	if err := client.Declare(ctx, cfg.Spec()); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began
		}
		return err
	}
	ticks := metrics.NewTicks(names(cfg.Schedules)...)
	s, err := scheduler.New(scheduler.Config{
		Entries:  cfg.Schedules,
		Enqueuer: service.Traces.Before(cfg.Guard.Before(cipher.Before(client.Public())), client.Names().Tasks()),
		Streams:  client, Names: client.Names(),
		Declare: func(ctx context.Context) error { return client.Declare(ctx, cfg.Spec()) },
		Grace:   min(cfg.Shutdown.Grace, scheduler.DefaultGrace), Ticks: ticks, Log: service.Log,
	})
	if err != nil {
		return err
	}
	service.Metrics.MustRegister(ticks, metrics.NewScheduler(s.Stats))
	service.Ready(func() error { return errors.Join(client.Ready(), s.Ready()) })
	watching, stop := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { watch(watching, service, replacing(s, ticks, service.Entries)) })
	defer watched.Wait()
	defer stop()
	return s.Run(ctx)
}

// replacing returns what replaces the entries of a scheduler, and those that are shown.
func replacing(s *scheduler.Scheduler, ticks *metrics.Ticks, count prometheus.Gauge) func([]scheduler.Entry) error {
	return func(entries []scheduler.Entry) error {
		if err := s.Replace(entries); err != nil {
			return err
		}
		ticks.Replace(names(entries)...)
		count.Set(float64(len(entries)))
		return nil
	}
}

func names(entries []scheduler.Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names
}
