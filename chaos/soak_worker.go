package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// soakRetries are soon: an errand that fails is done while the soak runs.
var soakRetries = tasks.RetryPolicy{MaxAttempts: 5, Initial: time.Second, Max: 10 * time.Second, Factor: 2}

// serveSoak is a worker process of a soak: with metrics and history, as cmd/worker has them, and handlers that do
// nothing.
func serveSoak(ctx context.Context, p post, out io.Writer) (err error) {
	here, err := p.open(ctx, out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, here.close()) }()
	done := newTally(p.load.tasks())
	mux := tasks.NewMux()
	mux.HandleFunc(errandKey, done.handle)
	mux.HandleFunc(tickKey, func(context.Context, *tasks.Task) error { done.tick(); return nil })

	recorder, err := history.New(here.client, history.Config{Stream: here.client.Names().History(), Level: here.config.History.Level, Log: here.log})
	if err != nil {
		return err
	}
	counted := metrics.NewTasks(metrics.Queue{Name: queueName, Mux: mux})
	topology := here.config.Spec()
	w, err := worker.New(here.client, worker.Config{
		Queues: []worker.Queue{{Name: queueName, Routes: []string{route}, Mux: mux, Retry: soakRetries}},
		Name:   p.name, Topology: &topology, Events: tasks.Recorders(counted, recorder), Log: here.log,
	})
	if err != nil {
		return err
	}
	registry := metrics.NewRegistry("soak")
	registry.MustRegister(counted, metrics.NewWorker(w.Stats), metrics.NewHistory(recorder.Stats), metrics.NewClient(here.client.Stats))
	if err = here.answer(ctx, p.listen, metrics.Handler(registry, here.log)); err == nil {
		err = w.Run(ctx)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, recorder.Close(closing), done.write(p.result))
}

// handle does an errand: nothing, but for the one that fails.
func (t *tally) handle(ctx context.Context, task *tasks.Task) error {
	var e errand
	if err := json.Unmarshal(task.Payload, &e); err != nil {
		return tasks.Permanent(errors.Join(errUnread, err))
	}
	if e.failsOnce() && task.Attempt == 1 {
		return errScripted
	}
	if e.waited() {
		tasks.SetResult(ctx, tasks.Result{Body: []byte(strconv.Itoa(e.Number))})
	}
	return t.add(e.Number)
}
