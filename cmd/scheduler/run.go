package main

import (
	"context"
	"errors"
	"sync"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/daemon"
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
	s, err := scheduler.New(scheduler.Config{
		Entries:  cfg.Schedules,
		Enqueuer: service.Traces.Before(cfg.Guard.Before(cipher.Before(client.Public())), client.Names().Tasks()),
		Streams:  client, Names: client.Names(),
		Declare: func(ctx context.Context) error { return client.Declare(ctx, cfg.Spec()) },
		Grace:   min(cfg.Shutdown.Grace, scheduler.DefaultGrace), Log: service.Log,
	})
	if err != nil {
		return err
	}
	service.Ready(func() error { return errors.Join(client.Ready(), s.Ready()) })
	watching, stop := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() { watch(watching, service, s.Replace) })
	defer watched.Wait()
	defer stop()
	return s.Run(ctx)
}
