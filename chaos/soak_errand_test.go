package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestErrands(t *testing.T) {
	t.Parallel()
	now := time.Now()
	delayed, failing, waited := 0, 0, 0
	shortest, longest := time.Hour, time.Duration(0)
	for n := range 30_000 {
		e := errand{Number: n}
		task, err := e.task(now)
		require.NoError(t, err)
		if d := e.delay(); d > 0 {
			delayed++
			shortest, longest = min(shortest, d), max(longest, d)
			assert.Equal(t, now.Add(d), task.NotBefore)
		}
		failing += count(e.failsOnce())
		waited += count(e.waited())
		assert.False(t, e.waited() && (e.failsOnce() || e.delay() > 0), "who waits does not wait for long")
		assert.InDelta(t, 250, len(task.Payload), 10)
	}
	assert.Equal(t, []int{600, 300, 150}, []int{delayed, failing, waited})
	assert.Equal(t, []time.Duration{time.Second, longestDelay}, []time.Duration{shortest, longest})
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

func TestTally(t *testing.T) {
	t.Parallel()
	one, other := newTally(20), newTally(20)
	for _, n := range []int{0, 7, 8, 19} {
		require.NoError(t, one.add(n))
	}
	for _, n := range []int{7, 18} {
		require.NoError(t, other.add(n))
	}
	other.tick()
	require.ErrorIs(t, one.add(-1), errNoErrand)
	require.ErrorIs(t, one.add(24), errNoErrand)
	all := make([]tallied, 2)
	for i, tally := range []*tally{one, other} {
		path := filepath.Join(t.TempDir(), "tally")
		require.NoError(t, tally.write(path))
		require.NoError(t, readJSON(path, &all[i]))
	}
	sum, done := join(all)
	assert.Equal(t, 5, done)
	assert.Equal(t, 6, sum.Runs)
	assert.Equal(t, 1, sum.Ticks)
	require.Error(t, readJSON(filepath.Join(t.TempDir(), "none"), &sum))
}

func TestHandleErrand(t *testing.T) {
	t.Parallel()
	done := newTally(100)
	handle := func(n, attempt int) error {
		task, err := errand{Number: n}.task(time.Now())
		require.NoError(t, err)
		task.Attempt = attempt
		return done.handle(context.Background(), &task)
	}
	require.NoError(t, handle(1, 1))
	require.ErrorIs(t, handle(10, 1), errScripted)
	require.NoError(t, handle(10, 2))
	require.ErrorIs(t, done.handle(context.Background(), &tasks.Task{Payload: []byte("x")}), errUnread)
	assert.Equal(t, 2, done.kept.Runs)
}

// inbox takes what is published.
type inbox struct {
	mu      sync.Mutex
	numbers []int
	answer  func(n int) string
}

func (i *inbox) Enqueue(_ context.Context, t tasks.Task) (string, error) {
	var e errand
	if err := json.Unmarshal(t.Payload, &e); err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.numbers = append(i.numbers, e.Number)
	return "", nil
}

func (i *inbox) EnqueueAndWait(ctx context.Context, t tasks.Task, _ tasks.Wait) (tasks.Reply, error) {
	_, err := i.Enqueue(ctx, t)
	return tasks.Reply{Body: []byte(i.answer(i.numbers[len(i.numbers)-1]))}, err
}

func TestCourier(t *testing.T) {
	t.Parallel()
	to := &inbox{answer: strconv.Itoa}
	c := courier{to: to, total: 300, interval: time.Microsecond, began: time.Now()}
	require.NoError(t, c.run(t.Context()))
	assert.Len(t, to.numbers, 300)
	assert.Equal(t, 299, to.numbers[299])
	assert.EqualValues(t, 2, c.results.Load())

	wrong := courier{to: &inbox{answer: func(int) string { return "7" }}, total: 10, began: time.Now()}
	err := wrong.run(t.Context())
	require.ErrorIs(t, err, errResult)
	require.ErrorContains(t, err, "errand 5")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	late := courier{to: to, total: 1, began: time.Now().Add(time.Hour)}
	require.ErrorIs(t, late.run(ctx), context.Canceled)
}
