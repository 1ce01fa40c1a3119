package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// lettersConcurrency has a worker wait for many confirms at once: each task is published again, as a
// letter.
const lettersConcurrency = 100

// serveLetters is a worker process whose tasks fail, until what they fail of is mended.
func serveLetters(ctx context.Context, at station, out io.Writer) (err error) {
	p, err := openPen(at.ledger, at.process)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	m := &messenger{pen: p, mended: at.mended}
	mux := tasks.NewMux()
	for _, route := range lettersRoutes {
		mux.HandleFunc(route, m.handle)
	}
	return at.work(ctx, worker.Queue{
		Name: lettersQueue, Routes: lettersRoutes, Mux: mux, Retry: retries, Concurrency: lettersConcurrency,
	}, out)
}

// messenger is the handler.
type messenger struct {
	pen    *pen
	mended string
}

// handle writes to the ledger around a run, as [player.handle] does.
func (m *messenger) handle(_ context.Context, t *tasks.Task) error {
	number, err := m.pen.start(t, time.Now())
	if err != nil {
		return err
	}
	result, err := m.deliver(t.Payload)
	return errors.Join(err, m.pen.finish(number, result, time.Now()))
}

// deliver fails of what is wrong with a payload, and else unless the server is there.
func (m *messenger) deliver(payload []byte) (outcome, error) {
	var p parcel
	if err := json.Unmarshal(payload, &p); err != nil {
		return ended, tasks.Permanent(errors.Join(errUnread, err))
	}
	switch _, err := os.Stat(m.mended); {
	case p.User.Email == "":
		return ended, tasks.Permanent(fmt.Errorf("payload of order %d: field %q is missing", p.Order, mendedField))
	case p.User.Address == "":
		return ended, tasks.Permanent(fmt.Errorf("user %d has no address", p.User.ID))
	case err != nil:
		return failed, fmt.Errorf("dial tcp %s: connect: connection refused", p.Server)
	}
	return succeeded, nil
}
