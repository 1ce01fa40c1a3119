package tasks_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// now is the time in tests that need one. It is not a whole millisecond.
var now = time.Date(2026, 11, 22, 6, 0, 1, 234_567_890, time.UTC)

func TestNewID(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Millisecond)
	a, b := tasks.NewID(), tasks.NewID()
	assert.Less(t, a, b, "in the order of their making")
	at, ok := tasks.IDTime(a)
	require.True(t, ok)
	assert.False(t, at.Before(before))
	assert.False(t, at.After(time.Now()))
}

func TestIDTime(t *testing.T) {
	t.Parallel()
	at, ok := tasks.IDTime("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") // RFC 9562's example
	require.True(t, ok)
	assert.Equal(t, int64(1645557742000), at.UnixMilli())

	for _, id := range []string{"", "task-7", uuid.NewString(), uuid.Nil.String(), strings.Repeat("f", 36),
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398", "\xff\x00"} {
		at, ok := tasks.IDTime(id)
		assert.False(t, ok, "%q", id)
		assert.Zero(t, at, "%q", id)
	}
}

func TestEffectivePriority(t *testing.T) {
	t.Parallel()
	for priority, want := range map[int]int{0: 4, 1: 1, 4: 4, 9: 9, 10: 9, 255: 9, -1: 1, math.MinInt: 1, math.MaxInt: 9} {
		assert.Equal(t, want, (&tasks.Task{Priority: priority}).EffectivePriority(), "%d", priority)
	}
	assert.Equal(t, routing.MaxPriority, tasks.MaxPriority, "a classic queue has as many levels as a task")
}

func TestFromContext(t *testing.T) {
	t.Parallel()
	task := &tasks.Task{ID: "1"}
	got, ok := tasks.FromContext(tasks.ContextWithTask(t.Context(), task))
	require.True(t, ok)
	assert.Same(t, task, got)
	_, ok = tasks.FromContext(context.Background())
	assert.False(t, ok)
}

// A task out of its bounds is refused where it is enqueued, with the field's name.
func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	tests := map[string]struct {
		change func(*tasks.Task)
		says   string
	}{
		"id":                  {func(t *tasks.Task) { t.ID = long }, "id: 256 bytes, at most 255"},
		"priority too high":   {func(t *tasks.Task) { t.Priority = 10 }, "priority: 10 is not within 1..9"},
		"priority negative":   {func(t *tasks.Task) { t.Priority = -1 }, "priority: -1"},
		"attempts too many":   {func(t *tasks.Task) { t.MaxAttempts = 101 }, "max attempts: 101 is not within 1..100"},
		"attempts negative":   {func(t *tasks.Task) { t.MaxAttempts = -1 }, "max attempts: -1"},
		"timeout too long":    {func(t *tasks.Task) { t.Timeout = tasks.MaxTimeout + 1 }, "timeout: 720h0m0.000000001s"},
		"timeout too short":   {func(t *tasks.Task) { t.Timeout = time.Millisecond - 1 }, "timeout: 999.999µs"},
		"timeout negative":    {func(t *tasks.Task) { t.Timeout = -time.Second }, "timeout: -1s"},
		"not before 1970":     {func(t *tasks.Task) { t.NotBefore = time.Unix(-1, 0) }, "not before: -1 s"},
		"not before far off":  {func(t *tasks.Task) { t.NotBefore = time.Unix(math.MaxInt64, 0) }, "not before"},
		"expires in 9999":     {func(t *tasks.Task) { t.ExpiresAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }, "expires at"},
		"enqueued in 1969":    {func(t *tasks.Task) { t.EnqueuedAt = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) }, "enqueued at"},
		"scheduled for 1969":  {func(t *tasks.Task) { t.ScheduledFor = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) }, "scheduled for"},
		"attempt negative":    {func(t *tasks.Task) { t.Attempt = -1 }, "attempt: -1"},
		"settlement":          {func(t *tasks.Task) { t.Settlement = math.MaxInt32 + 1 }, "settlement: 2147483648"},
		"redeliveries":        {func(t *tasks.Task) { t.Redeliveries = -7 }, "redeliveries: -7"},
		"content type":        {func(t *tasks.Task) { t.ContentType = long }, "content type: 256 bytes"},
		"content encoding":    {func(t *tasks.Task) { t.ContentEncoding = long }, "content encoding: 256 bytes"},
		"correlation id":      {func(t *tasks.Task) { t.CorrelationID = long }, "correlation id: 256 bytes"},
		"reply to":            {func(t *tasks.Task) { t.ReplyTo = long }, "reply to: 256 bytes"},
		"type":                {func(t *tasks.Task) { t.Type = long }, "type: 256 bytes"},
		"app id":              {func(t *tasks.Task) { t.AppID = long }, "app id: 256 bytes"},
		"batch id":            {func(t *tasks.Task) { t.BatchID, t.BatchIndex, t.BatchTotal = long, 1, 1 }, "batch id: 256 bytes"},
		"batch without ID":    {func(t *tasks.Task) { t.BatchIndex, t.BatchTotal = 1, 1 }, `batch: ID "", index 1, total 1`},
		"batch beyond total":  {func(t *tasks.Task) { t.BatchID, t.BatchIndex, t.BatchTotal = "b", 3, 2 }, "index 3, total 2"},
		"batch without place": {func(t *tasks.Task) { t.BatchID, t.BatchTotal = "b", 2 }, "index 0, total 2"},
		"batch total":         {func(t *tasks.Task) { t.BatchID, t.BatchIndex, t.BatchTotal = "b", 1, -1 }, "batch total: -1"},
		"key id":              {func(t *tasks.Task) { t.KeyID = long }, "key id: 256 bytes"},
		"user id":             {func(t *tasks.Task) { t.UserID = long }, "user id: 256 bytes"},
		"header's name":       {func(t *tasks.Task) { t.Headers = map[string]any{long: 1} }, "a name of 256 bytes"},
		"known header":        {func(t *tasks.Task) { t.Headers = map[string]any{tasks.HeaderAttempt: 1} }, "header warren-attempt: the name is Warren's own"},
		"unknown header":      {func(t *tasks.Task) { t.Headers = map[string]any{"warren-x": 1} }, "header warren-x"},
		"trace header":        {func(t *tasks.Task) { t.Headers = map[string]any{"traceparent": 1} }, "header traceparent"},
		"broker's header":     {func(t *tasks.Task) { t.Headers = map[string]any{"x-death": 1} }, "header x-death"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := tasks.Task{Key: "email.welcome"}
			tt.change(&task)
			m, err := tasks.Encode(task, now)
			require.ErrorIs(t, err, tasks.ErrInvalidTask)
			require.ErrorContains(t, err, tt.says)
			require.Zero(t, m)
		})
	}
	for _, key := range []string{"", "a..b", "a.*", strings.Repeat("k", 181)} {
		_, err := tasks.Encode(tasks.Task{Key: key}, now)
		require.ErrorIs(t, err, routing.ErrInvalidKey, "%q", key)
	}
}

func TestEncodeAcceptsTheBounds(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 255)
	_, err := tasks.Encode(tasks.Task{
		Key: strings.Repeat("k", 180), ID: text, Priority: 9, MaxAttempts: 100, Timeout: tasks.MaxTimeout,
		EnqueuedAt: time.Unix(0, 0), NotBefore: time.Date(9998, 12, 31, 23, 59, 59, 0, time.UTC),
		ContentType: text, ContentEncoding: text, CorrelationID: text, ReplyTo: text, Type: text, AppID: text, UserID: text,
		BatchID: text, BatchIndex: math.MaxInt32, BatchTotal: math.MaxInt32, KeyID: text,
		Headers: map[string]any{text: text, "Warren-Attempt": "headers' names have a case", "": "even empty"},
	}, now)
	require.NoError(t, err)
}
