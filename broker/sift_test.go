//go:build integration

package broker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// everyThird parts IDs into each third one, and the others.
func everyThird(ids []string) (third, others []string) {
	for i, id := range ids {
		if i%3 == 0 {
			third = append(third, id)
		} else {
			others = append(others, id)
		}
	}
	return third, others
}

// deadLetters declares a dead-letter queue of either kind.
func (f *fixture) deadLetters(kind string) (name string) {
	f.t.Helper()
	if kind == "quorum" {
		f.declare(queue(f.t, "email", "email.#"))
	} else {
		f.declareQueue("email.dead", amqp.Table{"x-queue-type": kind})
	}
	return "email.dead"
}

// What is removed is gone, by whichever goroutine and in whichever order; what is left keeps its order.
func TestSift(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"quorum", "classic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			dead := f.deadLetters(kind)
			want := f.fill(dead, 2000) // three channels hold them
			third, others := everyThird(want)
			var seen []string
			letters := make(chan *tasks.Letter, 300)
			var removing sync.WaitGroup
			for range 4 {
				removing.Go(func() {
					var held []*tasks.Letter
					for l := range letters {
						if held = append(held, l); len(held) == 10 {
							for _, l := range slices.Backward(held) {
								assert.NoError(t, l.Remove())
							}
							held = nil
						}
					}
					for _, l := range held {
						assert.NoError(t, l.Remove())
					}
				})
			}
			doubtful, err := f.client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
				if len(seen)%3 == 0 {
					letters <- l
				} else {
					l.Leave()
				}
				if seen = append(seen, l.Message.MessageID); len(seen) == len(want) {
					close(letters)
				}
				return true
			})
			removing.Wait()
			require.NoError(t, err)
			assert.Zero(t, doubtful)
			assert.Equal(t, want, seen)
			assert.Len(t, third, 667)
			assert.Equal(t, len(others), f.depth(dead))
			assert.Equal(t, others, f.drain(dead))
		})
	}
}

// Of large letters few are taken at a time, from the first on: all that were taken are in memory.
func TestSiftLargeLetters(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	const count, size = 4, 3 << 20
	for range count {
		require.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: dead, Body: make([]byte, size)}))
	}
	shown := 0
	require.NoError(t, f.client.Browse(f.ctx, dead, 0, func(tasks.Message) bool {
		if shown++; shown == 2 {
			depth, err := f.client.Depth(f.ctx, dead)
			require.NoError(t, err)
			assert.Equal(t, count-3, depth.Ready, "8 MB are two more than the first")
		}
		return true
	}))
	assert.Equal(t, count, shown)
}

// One channel holds all where the connection has no more.
func TestSiftOnOneChannel(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 1000)
	third, others := everyThird(want)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{f.vhost.URL + "?channel_max=1"} })
	var seen []string
	_, err := client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
		if seen = append(seen, l.Message.MessageID); slices.Contains(third, l.Message.MessageID) {
			assert.NoError(t, l.Remove())
		}
		l.Leave()
		return true
	})
	require.NoError(t, err)
	assert.Equal(t, want, seen)
	assert.Equal(t, others, f.drain(dead))
}

// The queue has got every removal by the end: a channel that ends keeps from a quorum queue what that
// was too slow for.
func TestSiftRemovesAll(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	f.fill(dead, 2000)
	_, err := f.client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
		assert.NoError(t, l.Remove())
		return true
	})
	require.NoError(t, err)
	assert.Zero(t, f.depth(dead))
	assert.Empty(t, f.drain(dead))
}

// What arrives meanwhile is not shown.
func TestSiftWhileLettersArrive(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 100)
	var seen []string
	_, err := f.client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
		id := l.Message.MessageID
		if len(seen) == 0 {
			assert.NoError(t, f.client.Publish(f.ctx, tasks.Message{RoutingKey: dead, MessageID: "new", Priority: 1}))
		}
		if seen = append(seen, id); id == want[0] || id == want[99] {
			assert.NoError(t, l.Remove())
		}
		l.Leave()
		return true
	})
	require.NoError(t, err)
	assert.Equal(t, want, seen)
	assert.ElementsMatch(t, append(want[1:99:99], "new"), f.drain(dead))
}

// The answers that come within the grace of a context that has ended count; all else is given back.
func TestSiftCancelled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 1000)
	ctx, cancel := context.WithCancel(f.ctx)
	var seen []*tasks.Letter
	doubtful, err := f.client.Sift(ctx, dead, 0, func(l *tasks.Letter) bool {
		if seen = append(seen, l); len(seen) == 200 {
			cancel()
			for _, l := range seen[:99] {
				assert.NoError(t, l.Remove())
			}
			go func() {
				assert.NoError(t, seen[99].Remove())
				for _, l := range seen[100:] {
					l.Leave()
				}
			}()
		}
		return true
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, doubtful)
	assert.Len(t, seen, 200, "none is shown after the context's end")
	assert.Equal(t, want[100:], f.drain(dead))
}

// Who never answers keeps nothing.
func TestSiftUnanswered(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 10)
	ctx, cancel := context.WithCancel(f.ctx)
	var last *tasks.Letter
	_, err := f.client.Sift(ctx, dead, 0, func(l *tasks.Letter) bool {
		last = l
		cancel()
		return true
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, last.Remove(), broker.ErrSessionLost)
	assert.Equal(t, want, f.drain(dead))
}

// A lost connection gives everything back, but for what RabbitMQ knows to be removed.
func TestSiftLosesItsConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 1000)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()} })
	var removed []string
	var pending []*tasks.Letter
	doubtful, err := client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
		switch id := l.Message.MessageID; {
		case len(pending) < 3:
			pending = append(pending, l)
		case l.Remove() == nil:
			removed = append(removed, id)
		}
		if len(removed) == 500 {
			proxy.Cut()
		}
		return true
	})
	require.ErrorIs(t, err, broker.ErrNotConnected)
	for _, l := range pending {
		require.ErrorIs(t, l.Remove(), broker.ErrSessionLost)
	}
	require.Eventually(t, func() bool { return f.depth(dead) >= len(want)-len(removed) }, patience, pollEvery)
	left := f.drain(dead)
	assert.Less(t, doubtful, len(removed), "of most RabbitMQ has said that it knows")
	twice := 0
	for _, id := range removed {
		if slices.Contains(left, id) {
			twice++
		}
	}
	assert.LessOrEqual(t, twice, doubtful)
	assert.Subset(t, append(left, removed...), want, "nothing is lost")
}

// The broker takes back what is held for too long, on RabbitMQ 4.3 soon enough for a test where the queue
// says so.
func TestSiftHoldsTooLong(t *testing.T) {
	t.Parallel()
	f := setup(t)
	args := amqp.Table{"x-queue-type": "quorum"}
	soon := f.client.Version().AtLeast(4, 3)
	if soon {
		args["x-consumer-timeout"] = timesOut.Milliseconds()
	}
	f.declareQueue("email.dead", args)
	want := f.fill("email.dead", 3)
	held := 0
	_, err := f.client.Sift(f.ctx, "email.dead", 0, func(l *tasks.Letter) bool {
		l.Leave()
		// The last one: 4.3.6 was seen to let the first, which is taken by basic.get, be held for ever.
		if held++; held < len(want) {
			return true
		}
		require.Eventually(t, func() bool {
			depth, err := f.client.Depth(f.ctx, "email.dead")
			require.NoError(t, err)
			return !soon || depth.Ready == len(want)
		}, patience, 50*time.Millisecond)
		return true
	})
	if soon {
		require.ErrorIs(t, err, broker.ErrHeldTooLong)
	} else {
		require.NoError(t, err)
	}
	assert.ElementsMatch(t, want, f.drain("email.dead"), "in any order")
}

// Two who sift at once see a part each, and between them all.
func TestSiftByTwo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	dead := f.deadLetters("quorum")
	want := f.fill(dead, 1000)
	var mu sync.Mutex
	var removed []string
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			_, err := f.client.Sift(f.ctx, dead, 0, func(l *tasks.Letter) bool {
				assert.NoError(t, l.Remove())
				mu.Lock()
				defer mu.Unlock()
				removed = append(removed, l.Message.MessageID)
				return true
			})
			assert.NoError(t, err)
		})
	}
	both.Wait()
	assert.Subset(t, want, removed)
	assert.ElementsMatch(t, want, append(f.drain(dead), removed...))
}

func TestSiftRefusesAWorkQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"))
	_, err := f.client.Sift(f.ctx, "email", 0, func(*tasks.Letter) bool { return true })
	require.ErrorIs(t, err, broker.ErrNotBrowsable)
	_, err = f.client.Sift(f.ctx, "nobody.dead", 0, func(*tasks.Letter) bool { return true })
	require.ErrorIs(t, err, broker.ErrNoQueue)
}
