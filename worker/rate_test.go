package worker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func ids(items []*item) []string {
	ids := []string{}
	for _, it := range items {
		ids = append(ids, it.task.ID)
	}
	return ids
}

func TestPaceSpacesStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(30, 10)
		defer c.close()
		for i := range 25 {
			c.b.push(newItem(fmt.Sprint(i), 1, time.Time{}))
		}
		assert.Equal(t, []string{"0"}, ids(c.look()), "30 slots have one turn")
		for i := 1; i < 10; i++ {
			c.clock.Advance(99 * time.Millisecond)
			assert.Empty(t, c.look())
			c.clock.Advance(time.Millisecond)
			assert.Equal(t, []string{fmt.Sprint(i)}, ids(c.look()))
		}
		c.clock.Advance(150 * time.Millisecond)
		assert.Equal(t, []string{"10"}, ids(c.look()), "it is late, and no second one starts with it")
		c.clock.Advance(50 * time.Millisecond)
		assert.Equal(t, []string{"11"}, ids(c.look()), "that does not delay the next")
	})
}

func TestPaceChoosesWhenTheTurnHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(2, 1)
		defer c.close()
		c.b.push(newItem("first", 1, time.Time{}))
		require.Equal(t, []string{"first"}, ids(c.look()))
		c.b.push(newItem("low", 1, time.Time{}))
		require.Empty(t, c.look())
		c.clock.Advance(999 * time.Millisecond)
		c.b.push(newItem("high", 9, time.Time{}))
		require.Empty(t, c.look())
		c.clock.Advance(time.Millisecond)
		assert.Equal(t, []string{"high"}, ids(c.look()))
	})
}

// Where there is nothing to run no turn is used up, and none is saved up.
func TestPaceIsNotBurnt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(3, 1)
		defer c.close()
		require.Empty(t, c.look(), "they wait")
		c.clock.Advance(time.Hour)
		for _, id := range []string{"1", "2", "3"} {
			c.b.push(newItem(id, 1, time.Time{}))
		}
		assert.Equal(t, []string{"1"}, ids(c.look()))
		assert.Len(t, c.b.shed(0), 2, "two go away while they wait for their turn")
		c.clock.Advance(time.Hour)
		assert.Empty(t, c.look())
		c.b.push(newItem("4", 1, time.Time{}))
		c.b.push(newItem("5", 1, time.Time{}))
		assert.Equal(t, []string{"4"}, ids(c.look()), "the turn that they waited for is not one more")
	})
}

func TestPaceIgnoresLostDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(1, 1)
		defer c.close()
		c.b.lost = func(it *item) bool { return it.task.ID == "lost" }
		for range 10 {
			c.b.push(newItem("lost", 9, time.Time{}))
		}
		require.Empty(t, c.look())
		c.b.push(newItem("live", 1, time.Time{}))
		assert.Equal(t, []string{"live"}, ids(c.look()))
	})
}

// Whatever is pushed and whenever slots are free: no two intervals see more than three starts, no
// second more than the rate and one that was late, and a task that could start has no more than an
// interval to wait.
func TestPaceProperties(t *testing.T) {
	const perSecond = 20
	const interval = time.Second / perSecond
	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(1, 4).Draw(rt, "slots")
		actions := drawActions(rt, "push", "push", "end", "advance", "advance", "shed")
		var err error
		synctest.Test(t, func(*testing.T) {
			c := newCrew(slots, perSecond)
			defer c.close()
			var starts []time.Time
			var running []*item
			waited := time.Duration(0) // how long a task and a slot have waited
			pushed, shed := 0, 0
			for i, a := range actions {
				passed := time.Duration(0)
				switch {
				case a.Kind == "push":
					c.b.push(newItem("", a.Priority, time.Time{}))
					pushed++
				case a.Kind == "end" && len(running) > 0:
					c.end(running[0])
					running = running[1:]
				case a.Kind == "advance":
					passed = time.Duration(a.N) * time.Millisecond
					c.clock.Advance(passed)
				case a.Kind == "shed":
					shed += len(c.b.shed(a.N % 3))
				}
				taken := c.look()
				for range taken {
					starts = append(starts, c.clock.Now())
				}
				running = append(running, taken...)
				if n := len(starts); n > 2 && starts[n-1].Sub(starts[n-3]) < interval {
					err = fmt.Errorf("action %d: three starts within an interval", i)
				}
				if n := len(starts); n > perSecond+1 && starts[n-1].Sub(starts[n-perSecond-2]) < time.Second {
					err = fmt.Errorf("action %d: %d starts within a second", i, perSecond+2)
				}
				waited += passed
				if len(taken) > 0 || len(running) == slots || pushed-shed-len(starts) == 0 {
					waited = 0
				}
				if waited > interval {
					err = fmt.Errorf("action %d: a task waits beside a slot", i)
				}
			}
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}
