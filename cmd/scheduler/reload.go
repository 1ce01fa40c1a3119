package main

import (
	"bytes"
	"context"
	"os"
	"reflect"
	"time"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/scheduler"
)

// readEvery is how often the file is looked at. It is read as a whole each time: it is small, and where
// it lies, a mounted ConfigMap or a network file system, there may be nothing that tells of a change.
const readEvery = 2 * time.Second

// watch has the entries replaced when the file has changed, and on SIGHUP, until ctx is done. A change
// counts once the file reads the same twice: it may be half written.
func watch(ctx context.Context, service daemon.Service, replace func([]scheduler.Entry) error) {
	r := reloader{Service: service, replace: replace}
	r.settled, r.seen = service.Config.Text, service.Config.Text
	ticker := time.NewTicker(readEvery)
	defer ticker.Stop()
	for {
		hungUp := false
		select {
		case <-ctx.Done():
			return
		case <-service.Hangups:
			hungUp = true
		case <-ticker.C:
		}
		text, err := read(ctx, service.Config.File)
		switch {
		case ctx.Err() != nil:
			return
		case hungUp && err != nil:
			service.Log.Error("the configuration cannot be read: what was before still holds", "error", err)
		case err != nil: // a file that is being replaced may be away for a moment
		case hungUp || !bytes.Equal(text, r.settled) && bytes.Equal(text, r.seen):
			r.reload(text)
		}
		if err == nil {
			r.seen = text
		}
	}
}

// read reads a file, for as long as ctx is not done: where the file system hangs the reading is left to
// itself.
func read(ctx context.Context, file string) (text []byte, err error) {
	done := make(chan struct{})
	var got []byte
	var failed error
	go func() {
		defer close(done)
		got, failed = os.ReadFile(file)
	}()
	select {
	case <-done:
		return got, failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reloader has a file's entries replace those before.
type reloader struct {
	daemon.Service
	replace func([]scheduler.Entry) error
	settled []byte // what was decided about, well or not
	seen    []byte // what the file was when it was looked at last
}

// reload has the entries of a text replace those before. A text that is wrong changes nothing.
func (r *reloader) reload(text []byte) {
	r.settled = text
	log := r.Log.With("file", r.Config.File)
	next, err := r.Parse(text)
	if err == nil {
		err = r.replace(next.Schedules)
	}
	if err != nil {
		log.Error("the configuration is not reloaded: what was before still holds", "error", err)
		return
	}
	log.Info("schedules reloaded", "entries", len(next.Schedules))
	if !reflect.DeepEqual(withoutSchedules(r.Config), withoutSchedules(next)) {
		log.Warn("other parts of the configuration than schedules differ from what the scheduler began with: those need a restart")
	}
}

func withoutSchedules(cfg *config.Config) config.Config {
	rest := *cfg
	rest.Text, rest.Schedules = nil, nil
	return rest
}
