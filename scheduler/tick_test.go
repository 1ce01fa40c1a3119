package scheduler

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// The IDs are for ever: another version that made others would run one tick as two tasks.
func TestTaskIDGolden(t *testing.T) {
	fire := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	assert.Equal(t, "01a201d7-0b00-725e-9678-67a066a5b797", TaskID("daily-report", fire))
	assert.Equal(t, "01a201d7-0ee8-7ab0-bb1e-56e9d711cee9", TaskID("daily-report", fire.Add(time.Second)))
	assert.Equal(t, "01a201d7-0b00-77d6-aad2-488e996a9690", TaskID("clean-up", fire))
}

func TestTaskIDIsOneOnEveryMachine(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.StringMatching(`[A-Za-z0-9_.-]{1,20}`).Draw(t, "entry")
		fire := time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "second"), 0)
		id := TaskID(entry, fire)
		assert.Equal(t, id, TaskID(entry, fire.In(tokyo)))
		assert.Equal(t, id, TaskID(entry, fire.Add(999*time.Millisecond)), "ticks are whole seconds")
		assert.NotEqual(t, id, TaskID(entry+"x", fire))
		assert.NotEqual(t, id, TaskID(entry, fire.Add(time.Second)))

		parsed, err := uuid.Parse(id)
		require.NoError(t, err)
		assert.Equal(t, uuid.RFC4122, parsed.Variant())
		at, ok := tasks.IDTime(id)
		assert.True(t, ok)
		assert.True(t, at.Equal(fire))
	})
}

func TestDueBounds(t *testing.T) {
	c := mustTimetable(t, "*/10 * * * *", "UTC")
	at := mustTime(t, "2026-11-22T06:00:00Z")

	ticks, _ := c.Due(at, at.Add(10*time.Minute), 5)
	assert.Equal(t, []time.Time{at.Add(10 * time.Minute)}, ticks, "last is out, now is in")

	ticks, _ = c.Due(at, at.Add(10*time.Minute-time.Nanosecond), 5)
	assert.Empty(t, ticks, "never early")

	ticks, dropped := c.Due(at, at.Add(-time.Hour), 5)
	assert.Empty(t, ticks, "the clock was put back")
	assert.Zero(t, dropped)
}

// A machine that woke up in 1970 and then learnt the time.
func TestDueAfterAnAge(t *testing.T) {
	c := mustTimetable(t, "* * * * * *", "UTC")
	last, now := time.Unix(0, 0), mustTime(t, "2026-11-22T06:00:00Z")
	const limit = 1000
	ticks, dropped := c.Due(last, now, limit)
	require.Len(t, ticks, limit)
	assert.Equal(t, now.Add(-(limit-1)*time.Second), ticks[0])
	assert.Equal(t, now, ticks[limit-1])
	assert.True(t, dropped.Equal(time.Unix(1, 0)))

	c = mustTimetable(t, "@yearly", "UTC")
	ticks, dropped = c.Due(time.Time{}, now, limit) // longer ago than a Duration can say
	require.Len(t, ticks, limit)
	assert.Equal(t, mustTime(t, "2026-01-01T00:00:00Z"), ticks[limit-1])
	assert.Equal(t, 2, dropped.Year())
}
