package history

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

var at = time.Date(2026, 11, 22, 6, 0, 1, 500_000_000, time.UTC)

// What is written by hand is what encoding/json reads.
func TestEventIsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string { return strings.ToValidUTF8(rapid.String().Draw(t, "text"), "?") })
		number := rapid.IntRange(0, 1<<31-1)
		millis := Millis(float64(number.Draw(t, "wait")) / 1000)
		percent := rapid.Float64Range(0, 100).Draw(t, "percent")
		e := Event{
			At:    time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
			Event: Succeeded, ID: text.Draw(t, "id"), Key: text.Draw(t, "key"), Queue: text.Draw(t, "queue"), Attempt: number.Draw(t, "attempt"),
			Worker: text.Draw(t, "worker"), Wait: &millis, Duration: &millis, Error: text.Draw(t, "error"), Reason: text.Draw(t, "reason"),
			Schedule: text.Draw(t, "schedule"), By: text.Draw(t, "by"), Batch: text.Draw(t, "batch"), BatchIndex: number.Draw(t, "index"),
			BatchTotal: number.Draw(t, "total"), Percent: &percent, Note: text.Draw(t, "note"), Count: number.Draw(t, "count"),
		}
		line, err := json.Marshal(e)
		require.NoError(t, err)
		require.NotContains(t, string(line), "\n")
		var read Event
		require.NoError(t, json.Unmarshal(line, &read))
		assert.InDelta(t, float64(*e.Wait), float64(*read.Wait), 1e-6)
		assert.InDelta(t, float64(*e.Duration), float64(*read.Duration), 1e-6)
		read.Wait, read.Duration = e.Wait, e.Duration
		assert.Equal(t, e, read)
	})
}

func TestLineOfTask(t *testing.T) {
	t.Parallel()
	task := &tasks.Task{
		ID: "id-1", Key: "import.rows", Queue: "import", Attempt: 2, EnqueuedAt: at.Add(-time.Hour), NotBefore: at.Add(-1500 * time.Millisecond),
		Schedule: "nightly", By: tasks.Identity{Name: "api", Claimed: true}, BatchID: "b", BatchIndex: 3, BatchTotal: 50,
	}
	failed := tasks.EventOf(task, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonPermanent, Err: errors.New(`no "user"`)})
	failed.At, failed.Started, failed.Worker = at.Add(12345*time.Microsecond), at, "host:1"
	for want, e := range map[string]tasks.Event{
		`{"at":"2026-11-22T06:00:01.512345Z","event":"dead","id":"id-1","key":"import.rows","queue":"import","attempt":2,` +
			`"worker":"host:1","wait_ms":1500,"duration_ms":12.345,"error":"no \"user\"","reason":"permanent","schedule":"nightly",` +
			`"by":"api (claimed)","batch":"b","batch_index":3,"batch_total":50}`: failed,
		`{"at":"2026-11-22T06:00:01.500000Z","event":"started","id":"x","wait_ms":0}`: {
			Kind: tasks.EventStarted, At: at, Started: at, Task: &tasks.Task{ID: "x", EnqueuedAt: at.Add(time.Second)}},
		`{"at":"2026-11-22T06:00:01.500000Z","event":"progress","id":"x","percent":12.5,"note":"rows"}`: {
			Kind: tasks.EventProgress, At: at, Task: &tasks.Task{ID: "x"}, Percent: 12.5, Note: "rows"},
		`{"at":"2026-11-22T06:00:01.500000Z","event":"succeeded","id":"x","duration_ms":0.005}`: {
			Kind: tasks.EventSucceeded, At: at, Started: at.Add(-5 * time.Microsecond), Task: &tasks.Task{ID: "x"}},
	} {
		assert.Equal(t, want, string(appendEvent(nil, &e)))
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds() {
		assert.False(t, Off.Keeps(k), k)
		assert.Equal(t, k != Started && k != Returned, Outcomes.Keeps(k), k)
		assert.True(t, All.Keeps(k), k)
		read, err := ParseKind(string(k))
		require.NoError(t, err)
		assert.Equal(t, k, read)
	}
	_, err := ParseKind("done")
	assert.ErrorContains(t, err, `"done" is none of started, succeeded,`)
	_, err = ParseLevel("everything")
	assert.EqualError(t, err, `"everything" is none of off, outcomes, all`)
	assert.Equal(t, 1500*time.Microsecond, Millis(1.5).Duration())
}

func BenchmarkLine(b *testing.B) {
	task := &tasks.Task{ID: tasks.NewID(), Key: "email.welcome.eu", Queue: "email", Attempt: 1, EnqueuedAt: at, By: tasks.Identity{Name: "guest"}}
	e := tasks.EventOf(task, tasks.Decision{Action: tasks.Ack})
	e.At, e.Started, e.Worker = at, at, "host.example:12345"
	line := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		line = appendEvent(line[:0], &e)
	}
}
