package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/scheduler"
)

// readEvery is how often the file is looked at. It is read as a whole each time: it is small, and where
// it lies, a mounted ConfigMap or a network file system, there may be nothing that tells of a change.
const readEvery = 2 * time.Second

// watchFile has the entries replaced when the file has changed, and on SIGHUP, until ctx is done. A file that
// is wrong changes nothing.
func watchFile(ctx context.Context, service daemon.Service, replace func([]scheduler.Entry) error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	ticker := time.NewTicker(readEvery)
	defer ticker.Stop()

	cfg := service.Config
	known := cfg.Text
	for {
		hungUp := false
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			hungUp = true
		case <-ticker.C:
		}
		text, err := os.ReadFile(cfg.File)
		if !hungUp && (err != nil || bytes.Equal(text, known)) {
			continue // a file that is being replaced may be away for a moment
		}
		known = text
		cfg = reload(service, cfg, replace)
	}
}

// reload has the entries of the file replace those of a configuration, and returns what holds now.
func reload(service daemon.Service, cfg *config.Config, replace func([]scheduler.Entry) error) *config.Config {
	log := service.Log.With("file", cfg.File)
	next, err := service.Reload()
	if err == nil {
		err = replace(next.Schedules)
	}
	if err != nil {
		log.Error("the configuration is not reloaded: what was before still holds", "error", err)
		return cfg
	}
	log.Info("schedules reloaded", "entries", len(next.Schedules))
	if !reflect.DeepEqual(withoutSchedules(cfg), withoutSchedules(next)) {
		log.Warn("other parts of the configuration than schedules have changed too: those need a restart")
	}
	return next
}

func withoutSchedules(cfg *config.Config) config.Config {
	rest := *cfg
	rest.Text, rest.Schedules = nil, nil
	return rest
}
