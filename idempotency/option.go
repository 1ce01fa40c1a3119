package idempotency

import (
	"log/slog"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The length of a lease.
const (
	DefaultLease = 30 * time.Second
	MinLease     = 100 * time.Millisecond
	MaxLease     = time.Hour
)

// Option sets something of a [Middleware].
type Option func(*gate)

// Lease sets how long a claim lasts without being extended, which is how long a work waits whose
// worker has died. It is extended at every third of it, so it must be a good deal longer than the
// store is ever slow. It is brought to MinLease..MaxLease. Defaults to DefaultLease.
func Lease(d time.Duration) Option {
	return func(g *gate) { g.lease = min(max(d, MinLease), MaxLease) }
}

// KeyFunc sets what makes a task's key, for works that are to happen once whatever task they came
// by: one mail a user and day. Two tasks of one key are one work. The key is all that tells works
// apart, so it should name the queue where several queues run the same tasks. One that is empty or
// too long makes its task a dead letter. Defaults to [Key].
func KeyFunc(key func(*tasks.Task) string) Option { return func(g *gate) { g.key = key } }

// Log sets where it is told that a claim is lost, that the store cannot be asked, and, at debug
// level, that a task was done or is being run already. Defaults to slog.Default().
func Log(log *slog.Logger) Option { return func(g *gate) { g.log = log } }

// Key is what tells works apart: the queue and the task's ID, "email/0198c5ae-…". Two queues that
// want one key run two works under one ID. A scheduler's task has an ID that is derived from its
// entry and fire time, so a tick that is published twice is one work. It is empty for a task
// without an ID, which a worker never hands to a handler.
func Key(t *tasks.Task) string {
	if t.ID == "" {
		return ""
	}
	return t.Queue + "/" + t.ID // no queue's name has a slash
}
