package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
)

const (
	// actBytes is how much of what was done may wait to be told in the history: 250,000 letters or so.
	actBytes = 64 << 20
	// actPatience bounds how long a command that is done waits for its history to be kept.
	actPatience = 10 * time.Second
)

// acts tells the history what an operator did with letters, beside the doing, which it never holds up.
type acts struct {
	recorder *history.Recorder // nil where there is no history
	by       string
}

// recordActs returns what tells the history, where there is one. It is to be closed.
func (c *cli) recordActs(ctx context.Context, client *broker.Client, cfg *config.Config) (*acts, error) {
	a := &acts{by: client.User()}
	if cfg.History.Level == history.Off {
		return a, nil
	}
	stream := client.Names().History()
	if _, err := client.Depth(ctx, stream); errors.Is(err, broker.ErrNoQueue) {
		c.notef("the history will not tell of it: there is no stream %s; a worker or a scheduler that starts declares it", stream)
		return a, nil
	}
	var err error
	a.recorder, err = history.New(client, history.Config{
		Stream: stream, Level: history.All, MaxBytes: actBytes, Log: slog.New(slog.DiscardHandler), // closeActs says what is lost
	})
	return a, err
}

// tell tells of something that was done with a letter.
func (a *acts) tell(kind history.Kind, o deadletter.Outcome) {
	if a.recorder == nil {
		return
	}
	r := o.Record
	a.recorder.Record(tasks.Event{Kind: tasks.EventKind(kind), At: o.At, Reason: r.Reason, Task: &tasks.Task{
		ID: r.ID, Key: r.Key, Queue: r.Queue, Attempt: r.Attempt, Schedule: r.Schedule, By: tasks.Identity{Name: a.by},
	}})
}

// closeActs waits until all is kept, and says where it is not.
func (c *cli) closeActs(ctx context.Context, a *acts) {
	if a.recorder == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actPatience)
	defer cancel()
	if err := a.recorder.Close(ctx); errors.Is(err, history.ErrLost) {
		c.notef("done, but not all told in the history: %v", err)
	}
}
