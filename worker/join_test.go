//go:build integration

package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

const patience = 60 * time.Second

// bench is a worker behind a proxy, and a client beside it that is not.
type bench struct {
	t      *testing.T
	ctx    context.Context
	proxy  *brokertest.Proxy
	worker *Worker
	direct *broker.Client
	stop   func()
}

func newBench(t *testing.T, queues ...Queue) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	vhost := brokertest.NewVhost(t)
	b := &bench{t: t, ctx: ctx, proxy: brokertest.NewProxy(t, vhost.URL)}
	connect := func(url string) *broker.Client {
		client, err := broker.Connect(ctx, broker.Config{URLs: []string{url}, BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(client.Close)
		return client
	}
	b.direct = connect(vhost.URL)
	var err error
	b.worker, err = New(connect(b.proxy.URL()), Config{Queues: queues, Grace: time.Second, StopTimeout: time.Second})
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() { result <- b.worker.Run(running) }()
	b.stop = sync.OnceFunc(func() {
		stop()
		require.NoError(t, <-result)
	})
	t.Cleanup(b.stop)
	b.eventually(func() bool { return b.worker.Ready() == nil }, "the worker is ready")
	return b
}

func (b *bench) eventually(condition func() bool, what string) {
	b.t.Helper()
	require.Eventually(b.t, condition, patience, time.Millisecond, what)
}

func (b *bench) enqueue(t tasks.Task) {
	b.t.Helper()
	_, err := b.direct.Enqueue(b.ctx, t)
	require.NoError(b.t, err)
}

// underWay tells how many works are under way, in all queues, and whether all of them stand for a
// live delivery.
func (b *bench) underWay() (count int, live bool) {
	live = true
	for _, q := range b.worker.queues {
		q.works.mu.Lock()
		for _, it := range q.works.running {
			for ; it != nil; it = it.next {
				count++
				live = live && !it.delivery.Lost()
			}
		}
		q.works.mu.Unlock()
	}
	return count, live
}

// empty waits until the queues have nothing, neither ready nor with the worker.
func (b *bench) empty() {
	b.t.Helper()
	b.eventually(func() bool { count, _ := b.underWay(); return count == 0 }, "all is settled")
	b.stop() // what the broker holds for the worker comes back
	for _, q := range b.worker.cfg.Queues {
		depth, err := b.direct.Depth(b.ctx, q.Name)
		require.NoError(b.t, err)
		assert.Zero(b.t, depth.Ready, "messages left in "+q.Name)
	}
}

// A task that runs while its connection is lost, as often as you like, is run once, and what comes
// of it settles the delivery that came last.
func TestRunningTaskIsJoined(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"done": nil, "snoozed": tasks.Snooze(0), "failed": errors.New("no"), "dead": tasks.Permanent(errors.New("no")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, finish := make(chan *tasks.Task, 10), make(chan struct{})
			mux := tasks.NewMux()
			mux.HandleFunc("#", func(_ context.Context, task *tasks.Task) error {
				copied := *task
				began <- &copied
				<-finish
				if task.Settlement > 0 {
					return nil
				}
				return outcome
			})
			b := newBench(t, Queue{Name: "long", Routes: []string{"long.#"}, Mux: mux, Retry: tasks.RetryPolicy{Initial: time.Millisecond}})
			b.enqueue(tasks.Task{Key: "long.x", Payload: []byte("1")})
			first := <-began
			for range 3 {
				b.proxy.Cut()
				b.eventually(func() bool { _, live := b.underWay(); return !live }, "the session is lost")
				b.eventually(func() bool { _, live := b.underWay(); return live }, "the redelivery is joined")
			}
			close(finish)
			if name == "failed" || name == "snoozed" {
				again := <-began
				assert.Equal(t, first.ID, again.ID)
				assert.Equal(t, 1, again.Settlement, "the next start is that of the settlement")
			}
			b.empty()
			assert.Empty(t, began, "no start but those that were decided")
			dead, err := b.direct.Depth(b.ctx, routing.DeadQueue("long"))
			require.NoError(t, err)
			assert.Equal(t, name == "dead", dead.Ready == 1, "dead letters: %d", dead.Ready)
		})
	}
}

// A key that two queues want is two works under one ID: each is run once whatever is lost, one that
// is finished does not hide the other, and each goes its own way.
func TestTwoWorksUnderOneID(t *testing.T) {
	t.Parallel()
	began, finish := make(chan *tasks.Task, 10), map[string]chan struct{}{"mail": make(chan struct{}), "audit": make(chan struct{})}
	queue := func(name string, outcome error) Queue {
		mux := tasks.NewMux()
		mux.HandleFunc("#", func(_ context.Context, task *tasks.Task) error {
			copied := *task
			began <- &copied
			<-finish[name]
			if task.ID == "one" && task.Attempt == 1 {
				return outcome
			}
			return nil
		})
		return Queue{Name: name, Routes: []string{"both.#"}, Mux: mux, Retry: tasks.RetryPolicy{Initial: time.Millisecond}}
	}
	b := newBench(t, queue("mail", nil), queue("audit", errors.New("no")))
	again := func() {
		b.proxy.Cut()
		b.eventually(func() bool { count, live := b.underWay(); return count > 0 && !live }, "the sessions are lost")
		b.eventually(func() bool { _, live := b.underWay(); return live }, "what runs is joined")
	}
	b.enqueue(tasks.Task{ID: "one", Key: "both.x", Payload: []byte("1")})
	first, second := <-began, <-began
	assert.ElementsMatch(t, []string{"mail", "audit"}, []string{first.Queue, second.Queue})
	again()
	close(finish["mail"]) // done, and remembered by the session that is lost next
	b.eventually(func() bool { count, _ := b.underWay(); return count == 1 }, "mail is done")
	again()
	b.enqueue(tasks.Task{ID: "two", Key: "both.x"}) // behind what comes back
	for range 2 {
		assert.Equal(t, "two", (<-began).ID, "nothing is run twice")
	}
	close(finish["audit"])
	retry := <-began
	assert.Equal(t, "one", retry.ID)
	assert.Equal(t, "audit", retry.Queue, "a retry is its own queue's")
	assert.Equal(t, 2, retry.Attempt)
	b.empty()
	assert.Empty(t, began, "nothing is run twice")
}

// The connection is cut at every point of the life of tasks, by their hundreds: between publish,
// confirm and acknowledgement among them. Each start is followed by the one that was decided, none
// is lost, and none is run twice by this process.
func TestCutsAtEveryPointOfTheSettlement(t *testing.T) {
	t.Parallel()
	type start struct {
		id      string
		attempt int
	}
	var mu sync.Mutex
	starts := map[start]int{}
	var done, failed atomic.Int64
	mux := tasks.NewMux()
	mux.HandleFunc("#", func(_ context.Context, task *tasks.Task) error {
		mu.Lock()
		starts[start{task.ID, task.Attempt}]++
		mu.Unlock()
		switch {
		case task.Key == "cut.dead":
			failed.Add(1)
			return tasks.Permanent(errors.New("dead"))
		case task.Key == "cut.retry" && task.Attempt < 3:
			failed.Add(1)
			return errors.New("again")
		}
		done.Add(1)
		return nil
	})
	b := newBench(t, Queue{
		Name: "cut", Routes: []string{"cut.#"}, Mux: mux, Concurrency: 8, Prefetch: 16, // few are given out again by each cut
		Retry: tasks.RetryPolicy{Initial: time.Millisecond, Max: 5 * time.Millisecond},
	})
	const count = 1500
	producing := make(chan struct{})
	go func() {
		defer close(producing)
		for i := range count {
			key := []string{"cut.done", "cut.retry", "cut.dead"}[i%3]
			_, err := b.direct.Enqueue(b.ctx, tasks.Task{ID: fmt.Sprintf("%s-%d", key, i), Key: key, Payload: []byte("1")})
			assert.NoError(t, err)
		}
	}()
	cuts := 0
	for producingNow := true; producingNow; {
		// The cut falls wherever the tasks happen to be; progress in between makes the points differ.
		before := done.Load() + failed.Load()
		b.eventually(func() bool {
			select {
			case <-producing: // there may not be as many left
				return true
			default:
				return done.Load()+failed.Load() > before+20+int64(cuts%37)
			}
		}, "tasks are run")
		b.proxy.Cut()
		cuts++
		select {
		case <-producing:
			producingNow = false
		default:
		}
	}
	dead := func() int {
		depth, err := b.direct.Depth(b.ctx, routing.DeadQueue("cut"))
		require.NoError(t, err)
		return depth.Ready
	}
	b.eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(starts) >= count/3*(1+3+1)
	}, "every start that is due")
	b.eventually(func() bool { return dead() >= count/3 }, "every dead letter")
	b.empty()
	mu.Lock()
	defer mu.Unlock()
	twice := 0
	for s, runs := range starts {
		twice += runs - 1
		if s.attempt == 1 {
			assert.Equal(t, 1, runs, "%s was published once, and whatever was lost it is run once", s.id)
		}
	}
	assert.Len(t, starts, count/3*(1+3+1), "each task was started as often as was decided")
	// A retry or a dead letter whose confirm was lost is published again: that is the one way to a double.
	t.Logf("%d tasks, %d cuts, %d starts twice, %d dead letters of %d", count, cuts, twice, dead(), count/3)
}
