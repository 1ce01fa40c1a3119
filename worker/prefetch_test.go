package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endless is a backlog that is never done.
const endless = 1 << 40

// always is the task time of tasks that are all alike.
func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// Where the window comes to rest for tasks of one kind, of which there are always more.
func TestWindowOfSteadyTasks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		concurrency int
		taskTime    time.Duration
		least, most int // about concurrency x (1 + 20 ms / task time), give or take half of what is ahead
		changes     int
	}{
		{10, 5 * time.Microsecond, 1000, 1000, 1},
		{1, 5 * time.Microsecond, 1000, 1000, 2},
		{100, 5 * time.Microsecond, 1000, 1000, 1},
		{999, time.Millisecond, 1000, 1000, 0},
		{1000, time.Millisecond, 1001, 1001, 0},
		{10_000, 20 * time.Millisecond, 10_001, 10_001, 0},
		{10, time.Millisecond, 160, 310, 1},
		{10, 10 * time.Millisecond, 25, 40, 1},
		{1, 10 * time.Millisecond, 2, 3, 1},
		{1, time.Second, 2, 2, 0},
		{10, time.Second, 11, 11, 0},
		{100, time.Second, 101, 103, 2},
		{1, time.Minute, 2, 2, 0},
		{10, time.Minute, 11, 11, 0},
		{100, time.Minute, 101, 101, 0},
	} {
		s := newSimulation(c.concurrency)
		s.backlog, s.taskTime = endless, always(c.taskTime)
		s.run(300 * time.Millisecond)
		w := s.workers[0]
		early := w.prefetch
		s.run(max(2*time.Second, 3*c.taskTime))
		t.Logf("%d x %s: %d within 3 ticks, then %d; changes %v", c.concurrency, c.taskTime, early, w.prefetch, w.changes)
		assert.GreaterOrEqual(t, early, c.least, "%d x %s: within 3 ticks", c.concurrency, c.taskTime)
		assert.GreaterOrEqual(t, w.prefetch, c.least, "%d x %s", c.concurrency, c.taskTime)
		assert.LessOrEqual(t, w.prefetch, c.most, "%d x %s", c.concurrency, c.taskTime)
		assert.LessOrEqual(t, len(w.changes), c.changes, "%d x %s: %v", c.concurrency, c.taskTime, w.changes)
	}
}

// Two workers share what there is of long tasks: none waits in one while the other has nothing to do.
func TestWindowLeavesLongTasksToOthers(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 5} {
		s := newSimulation(concurrency, concurrency)
		s.backlog, s.taskTime = 20, always(time.Second)
		rounds := 20 / 2 / concurrency
		s.run(time.Duration(rounds)*time.Second + 10*time.Millisecond)
		for _, w := range s.workers {
			assert.Equal(t, 10, w.finished, "concurrency %d", concurrency)
			assert.Empty(t, w.changes)
		}
	}
}

func TestWindowFollowsTheTasks(t *testing.T) {
	t.Parallel()
	s := newSimulation(10)
	w := s.workers[0]
	kind := 5 * time.Microsecond
	s.backlog, s.taskTime = endless, func() time.Duration { return kind }
	s.run(time.Second)
	require.Equal(t, 1000, w.prefetch)

	kind = time.Minute
	before := len(w.changes)
	s.run(time.Second)
	assert.LessOrEqual(t, w.prefetch, 20, "a second after the turn to long tasks, none of which has ended")
	s.run(time.Second)
	assert.Equal(t, 11, w.prefetch)
	assert.LessOrEqual(t, len(w.changes)-before, 3, "%v", w.changes)

	kind = 5 * time.Microsecond
	before = len(w.changes)
	s.run(57 * time.Second)
	assert.Len(t, w.changes, before, "nothing changes while they run")
	s.run(time.Second + 300*time.Millisecond)
	assert.Equal(t, 1000, w.prefetch, "within 3 ticks of the turn to short tasks")
	assert.LessOrEqual(t, len(w.changes)-before, 2, "%v", w.changes)
}

// Short tasks in bursts, a broker that halts for a moment, and tasks of all lengths do not make the
// window go to and fro.
func TestWindowIsSteady(t *testing.T) {
	t.Parallel()
	t.Run("bursts", func(t *testing.T) {
		s := newSimulation(10)
		s.taskTime = always(50 * time.Microsecond)
		for range 60 {
			s.backlog += 2000
			s.run(time.Second)
		}
		assert.Equal(t, 60*2000, s.workers[0].finished)
		assert.LessOrEqual(t, len(s.workers[0].changes), 2, "%v", s.workers[0].changes)
	})
	t.Run("slots that hang for 300 ms", func(t *testing.T) {
		s := newSimulation(10)
		kind := 50 * time.Microsecond
		s.backlog, s.taskTime = endless, func() time.Duration { return kind }
		for range 5 {
			s.run(time.Second)
			kind = 300 * time.Millisecond
			s.run(time.Millisecond)
			kind = 50 * time.Microsecond
		}
		assert.LessOrEqual(t, len(s.workers[0].changes), 1, "%v", s.workers[0].changes)
	})
	t.Run("idle", func(t *testing.T) {
		s := newSimulation(10)
		s.backlog, s.taskTime = 20_000, always(50*time.Microsecond)
		s.run(time.Second)
		require.Equal(t, 1000, s.workers[0].prefetch)
		s.run(time.Hour)
		assert.Equal(t, 1000, s.workers[0].prefetch)
		assert.Len(t, s.workers[0].changes, 1)
	})
	t.Run("all lengths", func(t *testing.T) {
		s := newSimulation(10)
		s.backlog = endless
		s.taskTime = func() time.Duration {
			return time.Duration(s.rng.ExpFloat64() * s.rng.ExpFloat64() * float64(50*time.Millisecond))
		}
		s.run(10 * time.Minute)
		assert.LessOrEqual(t, len(s.workers[0].changes), 10, "%v", s.workers[0].changes)
	})
	t.Run("a short task now and then", func(t *testing.T) {
		s := newSimulation(1)
		s.taskTime = always(time.Millisecond)
		s.produce(100, time.Second)
		s.run(100 * time.Second)
		assert.LessOrEqual(t, s.workers[0].prefetch, 3, "the next may be long")
	})
}

// Delayed tasks that are held until they are due do not keep the slot from running.
func TestWindowMakesRoomForWhatIsHeld(t *testing.T) {
	t.Parallel()
	for _, taskTime := range []time.Duration{time.Millisecond, 9 * time.Millisecond} {
		s := newSimulation(1)
		w := s.workers[0]
		s.taskTime, s.hold = always(taskTime), 162*time.Millisecond
		s.produce(3000, 10*time.Millisecond)
		s.run(5 * time.Second)
		finished := w.finished
		s.run(20 * time.Second)
		assert.InDelta(t, 2000, w.finished-finished, 1, "100 a second, %s each", taskTime)
		assert.Less(t, s.backlog, 5)
		s.run(20 * time.Second)
		assert.Equal(t, 3000, w.finished)
		assert.Zero(t, w.window.reserve, "the places are given up")
		assert.LessOrEqual(t, len(w.changes), 8, "%v", w.changes)
	}
}

func TestWindowKeepsPlacesForWhatComesInBursts(t *testing.T) {
	t.Parallel()
	s := newSimulation(10)
	s.taskTime, s.hold = always(50*time.Millisecond), 162*time.Millisecond
	for range 60 {
		s.produce(50, time.Millisecond)
		s.run(time.Second)
	}
	assert.Equal(t, 60*50, s.workers[0].finished)
	assert.LessOrEqual(t, len(s.workers[0].changes), 6, "%v", s.workers[0].changes)
}

// Tasks that wait for the limit of their pattern may be all that is in front: the window grows past
// them, as far as a prefetch goes.
func TestWindowGrowsPastWhatIsHeld(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWindow(10, now)
	prefetch, ticks := w.prefetch(), 0
	for ; prefetch < MaxPrefetch; ticks++ {
		now = now.Add(100 * time.Millisecond)
		var changed bool
		prefetch, changed = w.tick(now, prefetch-1)
		require.True(t, changed)
	}
	assert.LessOrEqual(t, ticks, 15)
	for range 30 {
		now = now.Add(100 * time.Millisecond)
		prefetch, _ = w.tick(now, 0)
	}
	assert.Equal(t, 11, prefetch)
}
