package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// serveLoad is a worker process on a cluster: its station's URL is those of all nodes. Everything about its
// connections is as it is by default.
func serveLoad(ctx context.Context, at station, out io.Writer) (err error) {
	p, err := openPen(at.ledger, at.process)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	log := slog.New(slog.NewTextHandler(out, nil)).With("process", at.process)
	client, err := broker.Connect(ctx, broker.Config{URLs: strings.Fields(at.url), Name: at.process, Log: log})
	if err != nil {
		return err
	}
	defer client.Close()
	var queues []worker.Queue
	for i := range loadQueues {
		mux := tasks.NewMux()
		mux.HandleFunc(loadKey(i), (&carrier{pen: p}).handle)
		queues = append(queues, worker.Queue{
			Name: loadQueue(i), Type: loadQueueType, Routes: []string{loadRoute(i)}, Mux: mux, Retry: retries,
		})
	}
	w, err := worker.New(client, worker.Config{Queues: queues, Name: at.process, Log: log})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// carrier is the handler.
type carrier struct{ pen *pen }

// handle does what the script of a task says, and writes to the ledger around it. What cannot be written
// did not happen for the checker, so it fails.
func (c *carrier) handle(ctx context.Context, t *tasks.Task) error {
	number, err := c.pen.start(t, time.Now())
	if err != nil {
		return err
	}
	result, err := carry(ctx, t)
	return errors.Join(err, c.pen.finish(number, result, time.Now()))
}

func carry(ctx context.Context, t *tasks.Task) (outcome, error) {
	var s loadScript
	if err := json.Unmarshal(t.Payload, &s); err != nil {
		return ended, tasks.Permanent(errors.Join(errUnread, err))
	}
	if !pauseFor(ctx, time.Duration(s.WorkMicros)*time.Microsecond) {
		return cut, context.Cause(ctx)
	}
	if t.Attempt <= s.Fails {
		return failed, errScripted
	}
	return succeeded, nil
}
