package worker

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func newLimited(id, pattern string, limit, priority int) *item {
	it := newItem(id, priority, time.Time{})
	it.pattern, it.limit = pattern, limit
	return it
}

func TestBufferLimitsPatterns(t *testing.T) {
	b := newTestBuffer(clockwork.NewFakeClock(), 0)
	for _, it := range []*item{
		newLimited("a1", "a.#", 1, 9), newLimited("a2", "a.#", 1, 9),
		newLimited("b1", "b.#", 2, 5), newLimited("b2", "b.#", 2, 5), newLimited("b3", "b.#", 2, 5),
		newLimited("none", "#", 0, 1),
	} {
		b.push(it)
	}
	a1, b1, b2 := b.take(), b.take(), b.take()
	assert.Equal(t, []string{"a1", "b1", "b2"}, []string{a1.task.ID, b1.task.ID, b2.task.ID})
	assert.Equal(t, 2, b.held(), "a2 and b3 wait for the limits")
	assert.Equal(t, "none", b.take().task.ID, "what waits for a limit holds back nobody")
	b.done(b2)
	b.done(b2)
	assert.Equal(t, 1, b.held(), "a second done makes no room")
	assert.Equal(t, "b3", b.take().task.ID)
	b.done(a1)
	assert.Equal(t, "a2", b.take().task.ID)
	assert.Empty(t, b.close())
	b.done(b1)
}

// Who has ended a task may have other things to do before it takes the next.
func TestBufferDoneWakesATaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(1, 0)
		defer c.close()
		c.b.push(newLimited("1", "a.#", 1, 1))
		first := c.look()[0]
		other := make(chan *item)
		go func() { other <- c.b.take() }()
		c.b.push(newLimited("2", "a.#", 1, 1))
		assert.Empty(t, c.look())
		c.b.done(first)
		assert.Equal(t, "2", (<-other).task.ID)
	})
}

// crew is a number of slots that take from a buffer.
type crew struct {
	b      *buffer
	clock  *clockwork.FakeClock
	mu     sync.Mutex
	taken  []*item // what was taken since the last look
	finish map[*item]chan struct{}
	slots  sync.WaitGroup
}

// newCrew starts slots in the test's bubble; close ends them.
func newCrew(slots int, perSecond float64) *crew {
	clock := clockwork.NewFakeClock()
	c := &crew{clock: clock, b: newTestBuffer(clock, perSecond), finish: map[*item]chan struct{}{}}
	for range slots {
		c.slots.Go(c.slot)
	}
	return c
}

func (c *crew) slot() {
	for {
		it := c.b.take()
		if it == nil {
			return
		}
		finish := make(chan struct{})
		c.mu.Lock()
		c.taken = append(c.taken, it)
		c.finish[it] = finish
		c.mu.Unlock()
		<-finish
		c.b.done(it)
	}
}

// look waits until every slot either runs something or waits, and returns what was taken since the
// last look.
func (c *crew) look() []*item {
	synctest.Wait()
	taken := c.taken
	c.taken = nil
	return taken
}

// end ends the task of an item.
func (c *crew) end(it *item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.finish[it])
	delete(c.finish, it)
}

// close ends the slots and returns what the buffer gives back.
func (c *crew) close() []*item {
	left := c.b.close()
	c.look()
	for it := range c.finish {
		c.end(it)
	}
	c.slots.Wait()
	return left
}

// An action is one event in the life of a buffer; n chooses what it happens to.
type action struct {
	Kind     string
	Pattern  int
	Priority int
	N        int
}

func drawActions(t *rapid.T, kinds ...string) []action {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) action {
		return action{
			Kind:     rapid.SampledFrom(kinds).Draw(t, "kind"),
			Pattern:  rapid.IntRange(0, 2).Draw(t, "pattern"),
			Priority: rapid.IntRange(1, 9).Draw(t, "priority"),
			N:        rapid.SampledFrom([]int{0, 1, 2, 3, 5, 10, 25, 50, 60, 75, 90, 110, 130, 150, 200}).Draw(t, "n"),
		}
	}), 40, 120).Draw(t, "actions")
}

// bufferModel says naively what a buffer and its slots ought to do.
type bufferModel struct {
	clock   *clockwork.FakeClock
	held    []*item // by arrival
	running []*item
	lost    map[*item]bool
}

// limits are those of the three patterns of actions.
var limits = []int{0, 1, 3}

// eligible returns the best that may start, or nil.
func (m *bufferModel) eligible() (best *item) {
	for _, it := range m.held {
		running := 0
		for _, r := range m.running {
			if r.pattern == it.pattern {
				running++
			}
		}
		if it.task.NotBefore.After(m.clock.Now()) || it.limit > 0 && running >= it.limit || m.lost[it] {
			continue
		}
		if best == nil || it.task.Priority > best.task.Priority {
			best = it
		}
	}
	return best
}

// start moves what so many slots would take, and returns it.
func (m *bufferModel) start(slots int) (started []*item) {
	for len(m.running) < slots {
		best := m.eligible()
		if best == nil {
			break
		}
		m.held = slices.DeleteFunc(m.held, func(it *item) bool { return it == best })
		m.running = append(m.running, best)
		started = append(started, best)
	}
	return started
}

// leave takes the items out of held for which leaves returns true, and returns those that are not lost.
func (m *bufferModel) leave(leaves func(*item) bool) (left []*item) {
	m.held = slices.DeleteFunc(m.held, func(it *item) bool {
		if m.lost[it] {
			return true
		}
		if leaves(it) {
			left = append(left, it)
			return true
		}
		return false
	})
	return left
}

// shed returns what is to leave so that the n best stay.
func (m *bufferModel) shed(n int) []*item {
	m.leave(func(*item) bool { return false })
	var runnable []*item
	for _, it := range m.held {
		if !it.task.NotBefore.After(m.clock.Now()) {
			runnable = append(runnable, it)
		}
	}
	slices.SortStableFunc(runnable, func(a, b *item) int { return b.task.Priority - a.task.Priority })
	surplus := runnable[min(n, len(runnable)):]
	m.leave(func(it *item) bool { return slices.Contains(surplus, it) })
	return surplus
}

// Whatever happens, the slots run what a naive reading of the rules has them run: no more than the
// limit of each pattern, always the best that may start, and nothing that may start waits beside a
// slot that waits. Nothing is given twice, and only what is lost disappears.
func TestBufferRunsWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(1, 4).Draw(rt, "slots")
		actions := drawActions(rt, "push", "push", "push", "end", "end", "advance", "advance", "expire", "shed", "lose")
		var err error
		synctest.Test(t, func(*testing.T) { err = compareWithModel(slots, actions) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func compareWithModel(slots int, actions []action) (err error) {
	c := newCrew(slots, 0)
	m := &bufferModel{clock: c.clock, lost: map[*item]bool{}}
	c.b.lost = func(it *item) bool { return m.lost[it] }
	defer func() {
		left := c.close()
		if err == nil && !sameItems(m.leave(func(*item) bool { return true }), slices.DeleteFunc(left, c.b.lost)) {
			err = fmt.Errorf("close gave back something else than what was held")
		}
	}()
	for i, a := range actions {
		var want, got []*item
		switch {
		case a.Kind == "push":
			it := newLimited("", fmt.Sprint(a.Pattern), limits[a.Pattern], a.Priority)
			if a.N >= 50 {
				it.task.NotBefore = c.clock.Now().Add(time.Duration(a.N) * time.Millisecond)
			}
			m.held = append(m.held, it)
			if !c.b.push(it) {
				return fmt.Errorf("action %d: refused", i)
			}
		case a.Kind == "end" && len(m.running) > 0:
			n := a.N % len(m.running)
			c.end(m.running[n])
			m.running = slices.Delete(m.running, n, n+1)
		case a.Kind == "advance":
			c.clock.Advance(time.Duration(a.N) * time.Millisecond)
		case a.Kind == "expire":
			before := c.clock.Now().Add(-time.Duration(a.N) * time.Millisecond)
			got = c.b.expire(before)
			want = m.leave(func(it *item) bool { return it.received.Before(before) })
		case a.Kind == "shed":
			got, want = c.b.shed(a.N%8), m.shed(a.N%8)
		case a.Kind == "lose" && len(m.held) > 0:
			m.lost[m.held[a.N%len(m.held)]] = true
		}
		if !sameItems(want, got) {
			return fmt.Errorf("action %d, %+v: it returned %d items and should have %d", i, a, len(got), len(want))
		}
		if started, taken := m.start(slots), c.look(); !sameItems(started, taken) {
			return fmt.Errorf("action %d, %+v: %d items were taken and should have %d", i, a, len(taken), len(started))
		}
	}
	return nil
}

// sameItems reports whether two slices hold the same items, in whatever order.
func sameItems(a, b []*item) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(it *item) bool { return !slices.Contains(b, it) })
}
