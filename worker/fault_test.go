//go:build integration

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	"github.com/warrenmq/warren/worker"
)

// prompt is how soon a stop that must not hang is over, on a loaded machine.
const prompt = 20 * time.Second

// A broker that is stopped, and one that is killed, with tasks in every stage: each task that was
// confirmed runs to its end.
func TestBrokerRestartedInMidFlight(t *testing.T) {
	t.Parallel()
	f, b := setupPrivate(t)
	var mu sync.Mutex
	done, runs := map[string]bool{}, 0
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "many", Routes: []string{"many.#"}, Retry: soon, Concurrency: 4,
		Mux: handle("#", func(ctx context.Context, task *tasks.Task) error {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			runs++
			switch {
			case task.Payload[0]%10 == 0:
				return tasks.Permanent(errors.New("dead"))
			case task.Payload[0]%3 == 0 && task.Attempt == 1:
				return errors.New("the first attempt fails")
			}
			done[task.ID] = true
			return nil
		}),
	}}})
	enqueuing, stopEnqueuing := context.WithCancel(f.ctx)
	var enqueued, dead []string
	var producer sync.WaitGroup
	producer.Go(func() {
		for i := 0; enqueuing.Err() == nil; i++ {
			task := tasks.Task{ID: tasks.NewID(), Key: "many.x", Payload: []byte{byte(i)}}
			_, err := f.client.Enqueue(f.ctx, task)
			for err != nil { // again under the same ID, as its doc says, or as it was not sent
				if !errors.Is(err, broker.ErrUnconfirmed) && !errors.Is(err, broker.ErrNotConnected) {
					assert.NoError(t, err)
					return
				}
				_, err = f.client.Enqueue(f.ctx, task)
			}
			if byte(i)%10 == 0 {
				dead = append(dead, task.ID)
			} else {
				enqueued = append(enqueued, task.ID)
			}
		}
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(done)
	}
	// Stop comes first: a quorum queue of 3.10 that is killed moments after its declaration may have no
	// leader for minutes, and confirms nothing, which is RabbitMQ's own affair.
	for _, end := range []func(context.Context) error{b.Stop, b.Kill} {
		before := count()
		f.eventually(func() bool { return count() > before+20 }, "tasks are run")
		require.NoError(t, end(f.ctx))
		require.NoError(t, b.Start(f.ctx))
	}
	before := count()
	f.eventually(func() bool { return count() > before+20 }, "tasks are run again")
	stopEnqueuing()
	producer.Wait()
	f.eventually(func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, id := range enqueued {
			if !done[id] {
				return false
			}
		}
		return true
	}, "each task is done")
	letters := map[string]bool{}
	f.eventually(func() bool {
		err := f.client.Browse(f.ctx, "many.dead", 0, func(m tasks.Message) bool { letters[m.MessageID] = true; return true })
		require.NoError(t, err)
		for _, id := range dead {
			if !letters[id] {
				return false
			}
		}
		return true
	}, "each dead task has its letter")
	require.NoError(t, stop())
	depths, err := f.client.Depths(f.ctx, "many", "warren.unrouted")
	require.NoError(t, err)
	assert.Zero(t, depths["many"].Ready)
	assert.Zero(t, depths["warren.unrouted"].Ready)
	t.Logf("%d tasks, %d dead, %d runs", len(enqueued)+len(dead), len(dead), runs)
}

// silence is what makes the broker unreachable, and undoes it.
type silence struct{ begin, end func(*brokertest.Proxy) }

func TestStopWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]silence{
		"gone":   {func(p *brokertest.Proxy) { p.Refuse(true); p.Cut() }, func(p *brokertest.Proxy) { p.Refuse(false) }},
		"silent": {(*brokertest.Proxy).Stall, func(p *brokertest.Proxy) { p.Cut(); p.Resume() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			proxy := brokertest.NewProxy(t, f.vhost.URL)
			client := f.connect(proxy.URL())
			began, finish := make(chan string, 10), make(chan struct{})
			stop := f.runOn(client, worker.Config{Grace: time.Second, StopTimeout: time.Second, Queues: []worker.Queue{{
				Name: "slow", Routes: []string{"slow.#"}, Concurrency: 3, Retry: soon,
				Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
					began <- task.ID
					<-finish
					switch task.Key {
					case "slow.fails":
						return errors.New("to be tried again")
					case "slow.dies":
						return tasks.Permanent(errors.New("dead"))
					}
					return nil
				}),
			}}})
			all := map[string]bool{}
			for _, key := range []string{"slow.fails", "slow.dies", "slow.works"} {
				all[f.enqueue(tasks.Task{Key: key})] = true
				receive(t, began, "a task that runs")
			}
			all[f.enqueue(tasks.Task{Key: "slow.waits"})] = true
			f.eventually(func() bool { return f.depth("slow") == 0 }, "the last is prefetched")
			s.begin(proxy)
			close(finish)
			start := time.Now()
			require.NoError(t, stop())
			assert.Less(t, time.Since(start), prompt)
			within := time.Now()
			client.Close()
			assert.Less(t, time.Since(within), prompt)
			s.end(proxy)
			for range len(all) { // none of them could tell the broker
				id := f.get("slow").MessageId
				assert.Contains(t, all, id, "once each")
				delete(all, id)
			}
		})
	}
}

// What could not be sent before the session was lost is not sent after it: the broker gives the work
// out again, and a retry beside that would make it two.
func TestRetryOfALostDeliveryIsNotSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client, err := broker.Connect(f.ctx, broker.Config{
		URLs: []string{proxy.URL()}, Window: 1, BackoffMax: 200 * time.Millisecond, Log: testLog(t),
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	const count = 10
	var first sync.WaitGroup
	first.Add(count)
	fail := make(chan struct{})
	var failing, second atomic.Int64
	seen := make(chan string, 10*count)
	f.runOn(client, worker.Config{Queues: []worker.Queue{{
		Name: "twice", Routes: []string{"twice.#"}, Retry: soon, Concurrency: 2 * count,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			if task.Attempt > 1 {
				second.Add(1)
				seen <- task.ID
				return nil
			}
			if failing.Add(1) <= count {
				first.Done()
				<-fail
			}
			return errors.New("the first attempt fails")
		}),
	}}})
	ids := map[string]bool{}
	for range count {
		ids[f.enqueue(tasks.Task{Key: "twice.x"})] = true
	}
	first.Wait()
	proxy.StallUpstream() // one retry waits for its confirm, the others for the window
	close(fail)
	f.eventually(func() bool { return client.Ready() == nil }, "the client has noticed nothing")
	proxy.Cut()
	proxy.Resume()
	for range count {
		delete(ids, receive(t, seen, "a second attempt"))
	}
	for len(ids) > 0 {
		delete(ids, receive(t, seen, "a second attempt"))
	}
	f.eventually(func() bool { return f.depth("twice") == 0 }, "the queue is empty")
	assert.LessOrEqual(t, second.Load(), int64(count+1), "one of them may have been sent twice")
}

// A burst of settlements that find the topology gone declares it once or twice, not once each.
func TestTopologyIsDeclaredOnceForMany(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const count = 40
	var declared atomic.Int64 // each run of Declare asks for the number of nodes
	management := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		declared.Add(1)
		_, _ = io.WriteString(w, `[{}]`)
	}))
	defer management.Close()
	client, err := broker.Connect(f.ctx, broker.Config{URLs: []string{f.vhost.URL}, Management: management.URL, Log: testLog(t)})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	var arrived sync.WaitGroup
	arrived.Add(count)
	deleted := make(chan struct{})
	ran := make(chan string, 10*count)
	f.runOn(client, worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Retry: soon, Concurrency: count,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			if task.Attempt == 1 {
				arrived.Done()
				<-deleted
				return tasks.RetryAfter(time.Second, errors.New("again"))
			}
			ran <- task.ID
			return nil
		}),
	}}})
	for range count {
		f.enqueue(tasks.Task{Key: "email.x"})
	}
	arrived.Wait()
	for k := range routing.LadderDigits {
		require.NoError(t, f.amqp.ExchangeDelete(fmt.Sprintf("warren.delay.%02d", k), false, false))
	}
	close(deleted)
	// What is published after an exchange of the ladder is there again and before its bindings are is parked.
	f.eventually(func() bool { return len(ran)+f.depth("warren.unrouted") == count }, "the retries, or where they are kept")
	assert.LessOrEqual(t, declared.Load(), int64(5))
	t.Logf("declared %d times", declared.Load())
}
