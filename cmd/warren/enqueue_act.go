package main

import (
	"context"
	"errors"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
)

// enqueueActPatience bounds how long a command whose task is enqueued waits for its history.
const enqueueActPatience = 3 * time.Second

// entrance is where a task is enqueued, and what encrypts it before.
type entrance struct {
	client *broker.Client
	cipher config.Cipher
	cfg    *config.Config
}

// entrance connects to where a task is to be enqueued, unless the guard refuses the task.
func (c *cli) entrance(ctx context.Context, t *tasks.Task) (e entrance, err error) {
	if e.cfg, err = c.load(); err != nil {
		return e, err
	}
	if err = e.cfg.Guard.Check(t); err != nil {
		return e, err
	}
	if e.cipher, err = e.cfg.Encryption.Load(); err != nil {
		return e, err
	}
	e.client, err = c.connect(ctx, e.cfg)
	return e, err
}

// tellEnqueued tells the history that an operator has enqueued a task, at a time before a worker could
// have it. The task is enqueued whatever becomes of that; where there is no history nothing is told.
func (c *cli) tellEnqueued(ctx context.Context, e entrance, t *tasks.Task, id string, at time.Time) {
	if e.cfg.History.Level == history.Off {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, enqueueActPatience)
	defer cancel()
	err := history.Append(ctx, e.client, e.client.Names().History(), history.Event{
		At: at, Event: history.Enqueued, ID: id, Key: t.Key, By: e.client.User(),
	})
	if err != nil && !errors.Is(err, broker.ErrUnroutable) { // there is no stream
		c.notef("the history may not tell of it: %v", err)
	}
}
