package tasks_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// What a publisher of a bare task puts on the wire, in full.
func TestEncode(t *testing.T) {
	t.Parallel()
	m, err := tasks.Encode(tasks.Task{Key: "email.welcome", Payload: []byte(`{}`)}, now)
	require.NoError(t, err)
	require.NotEmpty(t, m.MessageID)
	_, isV7 := tasks.IDTime(m.MessageID)
	assert.True(t, isV7)
	m.MessageID = ""
	assert.Equal(t, tasks.Message{
		RoutingKey: "email.welcome", Body: []byte(`{}`), ContentType: "application/json", Priority: 4,
		Timestamp: now.Truncate(time.Second),
		Headers:   map[string]any{tasks.HeaderEnqueuedAt: now.UnixMilli()},
	}, m)
}

func TestEncodeLeavesOutWhatTheIDSays(t *testing.T) {
	t.Parallel()
	m, err := tasks.Encode(tasks.Task{Key: "email", ID: idAt(now), Attempt: 1}, now)
	require.NoError(t, err)
	assert.Empty(t, m.Headers, "neither the enqueue time nor the first attempt")

	task, err := tasks.Decode(m, "q", now.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, now.UnixMilli(), task.EnqueuedAt.UnixMilli())
}

func TestEncodeWritesEveryHeader(t *testing.T) {
	t.Parallel()
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	m, err := tasks.Encode(tasks.Task{
		Key: "email", ID: "1", EnqueuedAt: at(1), NotBefore: at(2), ExpiresAt: at(3), Attempt: 2, MaxAttempts: 3,
		Timeout: time.Second, Schedule: "daily", ScheduledFor: at(4), TraceParent: "tp", TraceState: "ts",
		Headers: map[string]any{"x-tenant": "acme"}, Settlement: 5, Redeliveries: 6, EnqueuedBy: "bob", Errors: []string{"#1"},
		BatchID: "import", BatchIndex: 7, BatchTotal: 8, KeyID: "k", PreviousAttempt: "pa",
	}, now)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"warren-enqueued-at": int64(1000), "warren-not-before": int64(2000), "warren-expires-at": int64(3000),
		"warren-attempt": int64(2), "warren-max-attempts": int64(3), "warren-timeout-ms": int64(1000),
		"warren-schedule": "daily", "warren-scheduled-for": "1970-01-01T00:00:04Z", "traceparent": "tp", "tracestate": "ts",
		"x-tenant": "acme", "warren-settlement": int64(5), "warren-redeliveries": int64(6), "warren-enqueued-by": "bob",
		"warren-errors": []any{"#1"}, "warren-key-id": "k",
		"warren-batch-id": "import", "warren-batch-index": int64(7), "warren-batch-total": int64(8),
		"warren-previous-attempt": "pa",
	}, m.Headers)
}

// "Run no earlier" rounds up, and "start no later" down.
func TestEncodeRoundsTimesToTheSafeSide(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1000).Add(1)
	m, err := tasks.Encode(tasks.Task{Key: "email", NotBefore: at, ExpiresAt: at}, now)
	require.NoError(t, err)
	assert.Equal(t, int64(1001), m.Headers[tasks.HeaderNotBefore])
	assert.Equal(t, int64(1000), m.Headers[tasks.HeaderExpiresAt])
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		task := drawTask(t)
		headers := maps.Clone(task.Headers)
		m, err := tasks.Encode(task, now)
		require.NoError(t, err)
		require.Equal(t, headers, task.Headers, "the task's own headers stay as they were")
		got, err := tasks.Decode(m, "work", now.Add(time.Hour))
		require.NoError(t, err)

		want := task
		want.ID = m.MessageID
		if task.ID != "" {
			want.ID = task.ID
		}
		if want.ContentType == "" {
			want.ContentType = tasks.DefaultContentType
		}
		want.Priority = task.EffectivePriority()
		if want.EnqueuedAt.IsZero() {
			want.EnqueuedAt = now
		}
		want.EnqueuedAt = want.EnqueuedAt.Truncate(time.Millisecond)
		want.ExpiresAt = want.ExpiresAt.Truncate(time.Millisecond)
		want.NotBefore = want.NotBefore.Truncate(time.Millisecond)
		if want.NotBefore.Before(task.NotBefore) {
			want.NotBefore = want.NotBefore.Add(time.Millisecond)
		}
		want.Attempt = max(task.Attempt, 1)
		want.Queue = "work"
		require.Equal(t, inUTC(want), inUTC(got))
	})
}

// What Encode takes, Decode reads, also where the task is one that a handler was given and passes on.
func TestRoundTripTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first, err := tasks.Encode(drawTask(t), now)
		require.NoError(t, err)
		task, err := tasks.Decode(first, "work", now)
		require.NoError(t, err)
		second, err := tasks.Encode(task, now.Add(time.Minute))
		require.NoError(t, err)
		first.Timestamp, second.Timestamp = first.Timestamp.UTC(), second.Timestamp.UTC()
		require.Equal(t, first, second)
	})
}

func TestEncodeBoundsErrors(t *testing.T) {
	t.Parallel()
	errors := slices.Repeat([]string{strings.Repeat("é", 200)}, 30)
	kept := slices.Clone(errors)
	m, err := tasks.Encode(tasks.Task{Key: "email", Errors: errors}, now)
	require.NoError(t, err)
	assert.Equal(t, kept, errors, "the task's own stay as they were")
	list := m.Headers[tasks.HeaderErrors].([]any)
	assert.Len(t, list, tasks.MaxErrors)
	assert.LessOrEqual(t, len(list[0].(string)), tasks.MaxErrorsItemBytes)
}

// drawTask draws tasks that Encode takes, of the form that the wire keeps.
func drawTask(t *rapid.T) tasks.Task {
	text := rapid.StringN(0, 40, 255)
	enqueuedAt := drawTime(t, "enqueued at")
	id := rapid.SampledFrom([]string{"", "task-7", idAt(enqueuedAt), idAt(now), "0c4b3b1e-5a3e-4a5b-8d5f-3c3b2a190807", strings.Repeat("i", tasks.MaxIDBytes)})
	count := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 1<<31-1))
	foreign := rapid.SampledFrom([]string{"", "x-tenant", "CC", "cc", "X-Death", "Warren-Attempt", "Traceparent", "warren", "é"})
	batch := rapid.SampledFrom([]tasks.Task{{}, {BatchID: "b", BatchIndex: 1, BatchTotal: 1}, {BatchID: "é", BatchIndex: 7, BatchTotal: 1<<31 - 1}}).Draw(t, "batch")
	return tasks.Task{
		BatchID: batch.BatchID, BatchIndex: batch.BatchIndex, BatchTotal: batch.BatchTotal, KeyID: text.Draw(t, "key id"),
		ID:              id.Draw(t, "id"),
		Key:             rapid.StringMatching(`[A-Za-z0-9_-]{1,9}(\.[A-Za-z0-9_-]{1,9}){0,5}`).Draw(t, "key"),
		Payload:         rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
		ContentType:     text.Draw(t, "content type"),
		ContentEncoding: text.Draw(t, "content encoding"),
		Priority:        rapid.IntRange(0, tasks.MaxPriority).Draw(t, "priority"),
		EnqueuedAt:      enqueuedAt,
		NotBefore:       drawTime(t, "not before"),
		ExpiresAt:       drawTime(t, "expires at"),
		Attempt:         count.Draw(t, "attempt"),
		MaxAttempts:     rapid.IntRange(0, tasks.MaxMaxAttempts).Draw(t, "max attempts"),
		Timeout:         time.Duration(rapid.Int64Range(0, tasks.MaxTimeout.Milliseconds()).Draw(t, "timeout")) * time.Millisecond,
		Schedule:        text.Draw(t, "schedule"),
		ScheduledFor:    drawTime(t, "scheduled for").Truncate(time.Second),
		CorrelationID:   text.Draw(t, "correlation id"),
		ReplyTo:         text.Draw(t, "reply to"),
		Type:            text.Draw(t, "type"),
		AppID:           text.Draw(t, "app id"),
		UserID:          text.Draw(t, "user id"),
		TraceParent:     text.Draw(t, "traceparent"),
		TraceState:      text.Draw(t, "tracestate"),
		PreviousAttempt: text.Draw(t, "previous attempt"),
		Headers:         nilIfEmpty(rapid.MapOfN(foreign, drawValue(), 0, 4).Draw(t, "headers")),
		Settlement:      count.Draw(t, "settlement"),
		Redeliveries:    count.Draw(t, "redeliveries"),
		EnqueuedBy:      text.Draw(t, "enqueued by"),
		Errors:          slices.Clip(rapid.SliceOfN(rapid.StringN(0, 60, tasks.MaxErrorsItemBytes), 0, tasks.MaxErrors).Draw(t, "errors")),
	}
}

// lastSecond is the last that a publisher may say; one is left for rounding up.
const lastSecond = 253370764799

// drawTime draws the zero time, and times of all of the wire's range in any zone.
func drawTime(t *rapid.T, label string) time.Time {
	seconds := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, lastSecond-1), rapid.Int64Range(now.Unix()-100, now.Unix()+100)).Draw(t, label)
	if seconds == 0 {
		return time.Time{}
	}
	zone := time.FixedZone("", 60*rapid.IntRange(-12*60, 14*60).Draw(t, label+", zone"))
	return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, label+", nanoseconds")).In(zone)
}

// idAt returns a UUIDv7 of a time.
func idAt(at time.Time) string {
	id := uuid.UUID{6: 0x70, 8: 0x80, 15: 1} // the version and the variant
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(at.UnixMilli()))
	copy(id[:6], millis[2:])
	return id.String()
}

// inUTC returns a task whose times can be compared with ==, and in which empty is nil.
func inUTC(t tasks.Task) tasks.Task {
	t.EnqueuedAt, t.NotBefore, t.ExpiresAt, t.ScheduledFor = t.EnqueuedAt.UTC(), t.NotBefore.UTC(), t.ExpiresAt.UTC(), t.ScheduledFor.UTC()
	t.Headers = nilIfEmpty(t.Headers)
	if len(t.Errors) == 0 {
		t.Errors = nil
	}
	return t
}

func nilIfEmpty(headers map[string]any) map[string]any {
	if len(headers) == 0 {
		return nil
	}
	return headers
}
