//go:build integration

package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// tell appends records to the control stream.
func (f *fixture) tell(records ...control.Record) {
	f.t.Helper()
	for i := range records {
		records[i].At = time.Now()
	}
	require.NoError(f.t, control.Write(f.ctx, f.client, f.client.Names().Control(), records...))
}

// dead returns the reason and the error of a letter in a dead-letter queue.
func (f *fixture) dead(queue string) (id, reason, text string) {
	f.t.Helper()
	letter := f.get(queue + ".dead")
	reason, _ = letter.Headers[tasks.HeaderDeadReason].(string)
	text, _ = letter.Headers[tasks.HeaderError].(string)
	return letter.MessageId, reason, text
}

// emails is the configuration of a worker on the queue email.
func emails(handler func(context.Context, *tasks.Task) error) worker.Config {
	return worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Mux: handle("email.#", handler), Concurrency: 1,
	}}}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	f := setup(t)
	started := make(chan string, 10)
	cause := make(chan error, 10)
	var ran atomic.Int64
	f.run(emails(func(ctx context.Context, task *tasks.Task) error {
		ran.Add(1)
		if task.Key != "email.long" {
			return nil
		}
		started <- task.ID
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}))
	running := f.enqueue(tasks.Task{Key: "email.long"})
	require.Equal(t, running, receive(t, started, "the start"))
	held := f.enqueue(tasks.Task{Key: "email.short"})
	delayed := f.enqueue(tasks.Task{Key: "email.short", NotBefore: time.Now().Add(700 * time.Millisecond)})

	f.tell(control.Record{Kind: control.Revoke, ID: held}, control.Record{Kind: control.Revoke, ID: delayed})
	id, reason, _ := f.dead("email")
	assert.Equal(t, held, id, "before its turn has come")
	assert.Equal(t, "revoked", reason)

	f.tell(control.Record{Kind: control.Revoke, ID: running, Reason: "sent by mistake"})
	require.ErrorIs(t, receive(t, cause, "the end of its context"), tasks.ErrRevoked)
	id, reason, text := f.dead("email")
	assert.Equal(t, running, id)
	assert.Equal(t, "revoked", reason)
	assert.Regexp(t, `^revoked by guest at .*: sent by mistake$`, text)

	f.run(emails(func(context.Context, *tasks.Task) error { ran.Add(1); return nil })) // one that starts later
	id, reason, _ = f.dead("email")
	assert.Equal(t, delayed, id)
	assert.Equal(t, "revoked", reason)
	assert.EqualValues(t, 1, ran.Load())
}

// A task that was revoked before its worker started is dead without being run; one whose handler does
// its work all the same is done.
func TestRevokedBeforeAndTooLate(t *testing.T) {
	t.Parallel()
	f := setup(t)
	started := make(chan struct{}, 10)
	cfg := emails(func(ctx context.Context, _ *tasks.Task) error {
		started <- struct{}{}
		<-ctx.Done()
		return nil
	})
	stop := f.run(cfg)
	done := f.enqueue(tasks.Task{Key: "email.x"})
	receive(t, started, "the start")
	f.tell(control.Record{Kind: control.Revoke, ID: done})
	require.NoError(t, stop())
	assert.Zero(t, f.depth("email"))
	assert.Zero(t, f.depth("email.dead"))

	waiting := f.enqueue(tasks.Task{Key: "email.x"})
	f.tell(control.Record{Kind: control.Revoke, ID: waiting})
	f.run(cfg)
	id, reason, _ := f.dead("email")
	assert.Equal(t, waiting, id)
	assert.Equal(t, "revoked", reason)
	assert.Empty(t, started)
}

func TestPauseOutlivesAllWorkers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	started, release := make(chan string, 10), make(chan struct{})
	cfg := emails(func(_ context.Context, task *tasks.Task) error {
		started <- task.ID
		<-release
		return nil
	})
	stop := f.run(cfg)
	other := f.run(emails(func(context.Context, *tasks.Task) error { assert.Fail(t, "it is paused"); return nil }))
	require.NoError(t, other())
	running := f.enqueue(tasks.Task{Key: "email.x"})
	require.Equal(t, running, receive(t, started, "the start"))
	waiting := f.enqueue(tasks.Task{Key: "email.x"}) // prefetched, and not begun

	consumers := func() int {
		q, err := f.amqp.QueueDeclarePassive("email", true, false, false, false, nil)
		require.NoError(t, err)
		return q.Consumers
	}
	f.tell(control.Record{Kind: control.Pause, Queue: "email"})
	f.eventually(func() bool { return f.depth("email") == 1 }, "the queue has its task back")
	close(release) // what runs goes on
	f.eventually(func() bool { return consumers() == 0 }, "a quorum queue counts one that still has deliveries")
	require.NoError(t, stop())
	assert.Equal(t, 1, f.depth("email"))

	stop = f.run(cfg) // which is ready
	assert.Zero(t, consumers())
	assert.Equal(t, 1, f.depth("email"))
	require.NoError(t, stop())

	f.run(cfg)
	f.tell(control.Record{Kind: control.Resume, Queue: "email"})
	assert.Equal(t, waiting, receive(t, started, "the start of the other"))
	f.eventually(func() bool { return consumers() == 1 && f.depth("email") == 0 }, "it is done")
}

// A pause gives back what is prefetched, time and again, and none of it is taken for a crash.
func TestPausesAreNoCrashes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	release := make(chan struct{})
	var done atomic.Int64
	cfg := emails(func(context.Context, *tasks.Task) error { <-release; done.Add(1); return nil })
	cfg.Queues[0].Prefetch = 10
	f.run(cfg)
	for range 5 {
		f.enqueue(tasks.Task{Key: "email.x"})
	}
	for range 25 {
		f.eventually(func() bool { return f.depth("email") == 0 }, "all are prefetched")
		f.tell(control.Record{Kind: control.Pause, Queue: "email"})
		f.eventually(func() bool { return f.depth("email") == 4 }, "all but one are back")
		f.tell(control.Record{Kind: control.Resume, Queue: "email"})
	}
	close(release)
	f.eventually(func() bool { return done.Load() == 5 }, "all are done")
	assert.Zero(t, f.depth("email.dead"))
}

func TestControlStreamThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	require.NoError(t, f.client.Declare(f.ctx, routing.Spec{}))
	user := brokertest.NewUser(t, f.vhost, brokertest.Permissions{
		Configure: ".*", Write: ".*", Read: `^(email.*|warren\.(tasks|strict|dead|delay.*|unrouted))$`,
	})
	client := f.connect(user)
	done := make(chan string, 1)
	cfg := emails(func(_ context.Context, task *tasks.Task) error { done <- task.ID; return nil })
	cfg.Name, cfg.Log = "limited", testLog(t)
	w, err := worker.New(client, cfg)
	require.NoError(t, err)
	require.NoError(t, w.Degraded(), "it does not run")
	ctx, cancel := context.WithCancel(f.ctx)
	result := make(chan error, 1)
	go func() { result <- w.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, receive(t, result, "the end of the worker"))
	}()
	f.eventually(func() bool { return w.Ready() == nil }, "the worker is ready")
	f.eventually(func() bool { return w.Degraded() != nil }, "it says so")
	require.ErrorIs(t, w.Degraded(), broker.ErrRefused)
	id := f.enqueue(tasks.Task{Key: "email.x"})
	assert.Equal(t, id, receive(t, done, "a task that is done all the same"))
}
