package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

func newItem(id string, priority int, notBefore time.Time) *item {
	return &item{task: tasks.Task{ID: id, Priority: priority, NotBefore: notBefore}}
}

// newTestBuffer returns a buffer of items without deliveries: none is lost.
func newTestBuffer(clock clockwork.Clock, perSecond float64) *buffer {
	b := newBuffer(clock, rate.Limit(perSecond), 1)
	b.lost = func(*item) bool { return false }
	return b
}

func TestBufferGivesByPriorityThenArrival(t *testing.T) {
	b := newTestBuffer(clockwork.NewFakeClock(), 0)
	for _, it := range []*item{
		newItem("low", 1, time.Time{}), newItem("none", 0, time.Time{}), newItem("high", 9, time.Time{}),
		newItem("four", 4, time.Time{}), newItem("high too", 9, time.Time{}), newItem("beyond", 200, time.Time{}),
	} {
		require.True(t, b.push(it))
	}
	var order []string
	for range 6 {
		order = append(order, b.take().task.ID)
	}
	assert.Equal(t, []string{"high", "high too", "beyond", "none", "four", "low"}, order)
	assert.Empty(t, b.close())
}

func TestBufferHoldsUntilDue(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newTestBuffer(clock, 0)
	b.push(newItem("in 100", 9, clock.Now().Add(100*time.Millisecond)))
	b.push(newItem("in 50", 1, clock.Now().Add(50*time.Millisecond)))
	b.push(newItem("now", 1, clock.Now()))
	assert.Equal(t, "now", b.take().task.ID)

	taken := make(chan string)
	go func() {
		for range 2 {
			taken <- b.take().task.ID
		}
	}()
	clock.Advance(49 * time.Millisecond)
	select {
	case id := <-taken:
		t.Fatalf("%s was given early", id)
	default:
	}
	clock.Advance(time.Millisecond)
	assert.Equal(t, "in 50", <-taken, "it does not wait for one that came before it and is due later")
	clock.Advance(50 * time.Millisecond)
	assert.Equal(t, "in 100", <-taken)
}

func TestBufferHeldAndRemovedFrom(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newTestBuffer(clock, 0)
	b.hold(true)
	taken := make(chan string)
	go func() { taken <- b.take().task.ID }()
	for _, id := range []string{"1", "2"} {
		b.push(newItem(id, 0, time.Time{}))
	}
	b.push(newItem("3", 0, clock.Now().Add(time.Hour)))
	select {
	case id := <-taken:
		t.Fatalf("%s was given", id)
	default:
	}
	for _, id := range []string{"1", "3"} { // one that may start, and one that is not due
		removed := b.remove(func(it *item) bool { return it.task.ID == id })
		require.Len(t, removed, 1)
		assert.Equal(t, id, removed[0].task.ID)
	}
	b.hold(false)
	assert.Equal(t, "2", <-taken)
	assert.Empty(t, b.close())
}

func TestBufferCloseGivesBackEverythingAndEndsTakes(t *testing.T) {
	clock := clockwork.NewFakeClock()
	b := newTestBuffer(clock, 0)
	ended := make(chan *item)
	go func() { ended <- b.take() }()
	b.push(newItem("later", 0, clock.Now().Add(time.Minute)))
	left := b.close()
	require.Len(t, left, 1)
	assert.Equal(t, "later", left[0].task.ID)
	assert.Nil(t, <-ended)
	assert.Nil(t, b.take())
	assert.False(t, b.push(newItem("late", 0, time.Time{})))
	clock.Advance(time.Hour) // the timer is gone
}

// Whatever is pushed, and however the clock goes, everything is given exactly once, nothing early,
// and nothing while something runnable of a higher priority waits.
func TestBufferProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := clockwork.NewFakeClock()
		b := newTestBuffer(clock, 0)
		held := map[*item]bool{}
		runnable := func() (best *item) {
			for it := range held {
				if it.task.NotBefore.After(clock.Now()) {
					continue
				}
				if best == nil || it.task.EffectivePriority() > best.task.EffectivePriority() {
					best = it
				}
			}
			return best
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				in := rapid.SampledFrom([]int{-5, 0, 0, 1, 7, 160}).Draw(t, "ms")
				it := newItem("", rapid.IntRange(0, 9).Draw(t, "priority"), clock.Now().Add(time.Duration(in)*time.Millisecond))
				if !b.push(it) {
					t.Fatal("refused")
				}
				held[it] = true
			},
			"advance": func(t *rapid.T) {
				clock.Advance(time.Duration(rapid.IntRange(1, 200).Draw(t, "ms")) * time.Millisecond)
			},
			"take": func(t *rapid.T) {
				best := runnable()
				if best == nil {
					return // it would block
				}
				got := b.take()
				if !held[got] {
					t.Fatal("given twice")
				}
				delete(held, got)
				if got.task.NotBefore.After(clock.Now()) {
					t.Fatal("given early")
				}
				if got.task.EffectivePriority() != best.task.EffectivePriority() {
					t.Fatalf("priority %d was given before %d", got.task.EffectivePriority(), best.task.EffectivePriority())
				}
			},
		})
		left := b.close()
		if len(left) != len(held) || slices.ContainsFunc(left, func(it *item) bool { return !held[it] }) {
			t.Fatal("close gave back something else than what was held")
		}
	})
}
