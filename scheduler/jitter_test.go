package scheduler

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The delays are for ever: with others a tick emitted twice would be two different tasks.
func TestDelayGolden(t *testing.T) {
	fire := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	e := Entry{Name: "daily-report", Jitter: 5 * time.Minute}
	assert.Equal(t, []time.Duration{246_621 * time.Millisecond, 112_554 * time.Millisecond, 214_641 * time.Millisecond},
		[]time.Duration{e.Delay(fire), e.Delay(fire.Add(time.Second)), e.Delay(fire.Add(24 * time.Hour))})
	renamed := Entry{Name: "report", ID: "daily-report", Jitter: 5 * time.Minute}
	assert.Equal(t, e.Delay(fire), renamed.Delay(fire))
}

func TestDelayIsWithinTheJitter(t *testing.T) {
	tokyo := time.FixedZone("", 9*60*60)
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{Name: "n", Jitter: time.Duration(rapid.Int64Range(0, int64(MaxJitter)).Draw(t, "jitter"))}
		fire := time.Unix(rapid.Int64Range(0, 4102444800).Draw(t, "second"), 0)
		delay := e.Delay(fire)
		assert.GreaterOrEqual(t, delay, time.Duration(0))
		assert.True(t, delay == 0 || delay < e.Jitter)
		assert.Equal(t, delay, e.Delay(fire.In(tokyo)))
	})
}

func TestDelayIsUniform(t *testing.T) {
	e, fire := Entry{Name: "n", Jitter: 10 * time.Second}, time.Unix(0, 0)
	var counts [10]int
	for i := range 10_000 {
		counts[e.Delay(fire.Add(time.Duration(i)*time.Minute))/time.Second]++
	}
	for _, n := range counts {
		assert.InDelta(t, 1000, n, 130, "more than four standard deviations")
	}
}

func TestJitterOfATask(t *testing.T) {
	e := daily()
	e.ID = "report-1"
	task, err := e.taskAt(t, start)
	require.NoError(t, err)
	assert.Zero(t, task.NotBefore)
	e.Jitter = time.Hour
	task, err = e.taskAt(t, start)
	require.NoError(t, err)
	assert.Equal(t, start, task.ScheduledFor, "the true fire time")
	assert.Equal(t, start.Add(e.Delay(start)), task.NotBefore)
	assert.Equal(t, TaskID("report-1", start), task.ID)
	assert.Equal(t, "daily-report", task.Schedule)
}
