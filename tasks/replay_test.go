package tasks_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

func replayed(m tasks.Message) tasks.Message {
	t, _ := tasks.Decode(m, "email", now)
	return tasks.ReplayMessage(m, &t, self, now)
}

// One row for each header of docs/wire.md: what a replay keeps, strips and changes.
func TestReplayMessageHeaders(t *testing.T) {
	t.Parallel()
	past, future := now.Add(-time.Second).UnixMilli(), now.Add(time.Hour).UnixMilli()
	for name, tt := range map[string]struct {
		header string
		value  any
		want   any // nil: not there
	}{
		"attempt":              {tasks.HeaderAttempt, int64(5), nil},
		"errors":               {tasks.HeaderErrors, []any{"#1"}, nil},
		"redeliveries":         {tasks.HeaderRedeliveries, int64(3), nil},
		"delivery count":       {"x-delivery-count", int64(19), nil},
		"acquired count":       {"x-acquired-count", int64(19), nil},
		"reason":               {tasks.HeaderDeadReason, "permanent", nil},
		"error":                {tasks.HeaderError, "boom", nil},
		"failed at":            {tasks.HeaderFailedAt, "2026-11-22T06:00:01Z", nil},
		"queue":                {tasks.HeaderQueue, "email", nil},
		"worker":               {tasks.HeaderWorker, "worker-1", nil},
		"x-death":              {"x-death", []any{map[string]any{"count": int64(1)}}, nil},
		"x-first-death-queue":  {"x-first-death-queue", "email", nil},
		"x-last-death-reason":  {"x-last-death-reason", "rejected", nil},
		"CC":                   {"CC", []any{"a"}, nil},
		"BCC":                  {"BCC", []any{"a"}, nil},
		"past not-before":      {tasks.HeaderNotBefore, past, nil},
		"not-before of now":    {tasks.HeaderNotBefore, now.UnixMilli(), nil},
		"future not-before":    {tasks.HeaderNotBefore, future, future},
		"odd not-before":       {tasks.HeaderNotBefore, "soon", "soon"},
		"past expires-at":      {tasks.HeaderExpiresAt, past, nil},
		"expires-at of now":    {tasks.HeaderExpiresAt, now.UnixMilli(), nil},
		"future expires-at":    {tasks.HeaderExpiresAt, future, future},
		"odd expires-at":       {tasks.HeaderExpiresAt, []any{}, []any{}},
		"settlement":           {tasks.HeaderSettlement, int64(6), int64(7)},
		"first settlement":     {tasks.HeaderSettlement, nil, int64(1)},
		"first replay":         {tasks.HeaderReplays, nil, int64(1)},
		"second replay":        {tasks.HeaderReplays, int64(1), int64(2)},
		"replays as text":      {tasks.HeaderReplays, "4", int64(5)},
		"forged text":          {tasks.HeaderReplays, "many", int64(1)},
		"forged list":          {tasks.HeaderReplays, []any{int64(1)}, int64(1)},
		"forged table":         {tasks.HeaderReplays, map[string]any{}, int64(1)},
		"forged negative":      {tasks.HeaderReplays, int64(-3), int64(1)},
		"forged float":         {tasks.HeaderReplays, math.NaN(), int64(1)},
		"too many to be meant": {tasks.HeaderReplays, uint64(math.MaxUint64), int64(1)},
		"as many as there are": {tasks.HeaderReplays, int64(math.MaxInt32), int64(math.MaxInt32)},
		"routing key":          {tasks.HeaderRoutingKey, "email.welcome", "email.welcome"},
		"max attempts":         {tasks.HeaderMaxAttempts, int64(7), int64(7)},
		"timeout":              {tasks.HeaderTimeout, int64(7), int64(7)},
		"enqueued at":          {tasks.HeaderEnqueuedAt, int64(7), int64(7)},
		"enqueued by":          {tasks.HeaderEnqueuedBy, "bob", "bob"},
		"schedule":             {tasks.HeaderSchedule, "daily", "daily"},
		"scheduled for":        {tasks.HeaderScheduledFor, "2026-11-22T06:00:00Z", "2026-11-22T06:00:00Z"},
		"batch ID":             {tasks.HeaderBatchID, "b", "b"},
		"batch index":          {tasks.HeaderBatchIndex, int64(1), int64(1)},
		"batch total":          {tasks.HeaderBatchTotal, int64(2), int64(2)},
		"key ID":               {tasks.HeaderKeyID, "k", "k"},
		"traceparent":          {tasks.HeaderTraceParent, "tp", "tp"},
		"tracestate":           {tasks.HeaderTraceState, "ts", "ts"},
		"previous attempt":     {tasks.HeaderPreviousAttempt, "pa", "pa"},
		"foreign":              {"x-tenant", map[string]any{"CC": "a"}, map[string]any{"CC": "a"}},
		"foreign, like ours":   {"Warren-Attempt", "seven", "seven"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{RoutingKey: "email", MessageID: "1", UserID: self, Headers: map[string]any{}}
			if tt.value != nil {
				m.SetHeader(tt.header, tt.value)
			}
			got := replayed(m)
			value, present := got.Headers[tt.header]
			assert.Equal(t, tt.want, value)
			assert.Equal(t, tt.want != nil, present)
		})
	}
}

func TestReplayMessageKeepsTheRest(t *testing.T) {
	t.Parallel()
	m := tasks.Message{
		Exchange: "warren.dead", RoutingKey: "email", ContentType: "text/csv", ContentEncoding: "gzip", Priority: 7,
		CorrelationID: "c", ReplyTo: "r", MessageID: "m", Timestamp: now, Type: "t", UserID: "bob", AppID: "a",
		Expiration: "60000", Body: []byte("body"),
	}
	got := replayed(m)
	want := m
	want.Exchange, want.RoutingKey, want.Expiration, want.UserID = "", "", "", self
	want.Headers = map[string]any{
		tasks.HeaderRoutingKey: "email", tasks.HeaderSettlement: int64(1), tasks.HeaderReplays: int64(1),
		tasks.HeaderEnqueuedBy: "bob", tasks.HeaderExpiresAt: now.Add(time.Minute).UnixMilli(),
	}
	assert.Equal(t, want, got)
	assert.Same(t, &m.Body[0], &got.Body[0])
}

// A letter that a worker made of a task, after any number of attempts, is the task as it was enqueued,
// but for the counts of its republishings and its replays, and its times where they are past.
func TestReplayIsTheInverseOfDying(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(label string) time.Time {
			hours := rapid.IntRange(-2, 2).Draw(t, label)
			if hours == 0 {
				return time.Time{}
			}
			return time.UnixMilli(now.UnixMilli()).Add(time.Duration(hours) * time.Hour)
		}
		enqueued, err := tasks.Encode(tasks.Task{
			ID: rapid.StringMatching(`[a-z]{1,9}`).Draw(t, "id"), Key: "email.welcome", Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
			Priority: rapid.IntRange(0, 9).Draw(t, "priority"), NotBefore: at("not before"), ExpiresAt: at("expires at"), EnqueuedAt: now,
			MaxAttempts: rapid.IntRange(0, 9).Draw(t, "max attempts"), Schedule: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "schedule"),
			KeyID: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "key ID"), TraceParent: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "trace"),
			ReplyTo: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "reply to"), UserID: self, Headers: map[string]any{"x-tenant": rapid.Int64().Draw(t, "tenant")},
		}, now)
		require.NoError(t, err)
		before, err := tasks.Decode(enqueued, "email", now)
		require.NoError(t, err)

		m := enqueued
		lives := rapid.IntRange(1, 3).Draw(t, "lives")
		settlements := 0
		for range lives {
			failure := tasks.Failure{Err: errors.New(rapid.String().Draw(t, "error")), At: now, Worker: "worker-1"}
			for range rapid.IntRange(0, 3).Draw(t, "retries") {
				task, err := tasks.Decode(m, "email", now)
				require.NoError(t, err)
				m = tasks.RetryMessage(m, &task, self, time.Time{}, &failure)
				settlements++
			}
			task, err := tasks.Decode(m, "email", now)
			require.NoError(t, err)
			task.Redeliveries = rapid.IntRange(0, 20).Draw(t, "redeliveries")
			m = tasks.DeadMessage(m, &task, self, tasks.ReasonPermanent, failure, rapid.Bool().Draw(t, "counted"))
			m.RoutingKey = "email"
			m.Headers["x-delivery-count"] = int64(rapid.IntRange(0, 9).Draw(t, "looks"))
			m = replayed(m)
			settlements += 2
		}
		after, err := tasks.Decode(m, "email", now)
		require.NoError(t, err)
		require.Equal(t, lives, tasks.Replays(m))
		require.Equal(t, settlements, after.Settlement)

		want := before
		want.Settlement, want.EnqueuedBy = settlements, self
		want.Headers = map[string]any{"x-tenant": before.Headers["x-tenant"], tasks.HeaderReplays: int64(lives)}
		if before.NotBefore.Before(now) || settlements > 2*lives { // a retry is due at a time of its own
			want.NotBefore = time.Time{}
		}
		if before.ExpiresAt.Before(now) {
			want.ExpiresAt = time.Time{}
		}
		require.Equal(t, want, after)
	})
}

func TestReplayMessageOfForeignLetters(t *testing.T) {
	t.Parallel()
	got := replayed(tasks.Message{RoutingKey: "email"})
	_, isV7 := tasks.IDTime(got.MessageID)
	assert.True(t, isV7)
	assert.EqualValues(t, tasks.DefaultPriority, got.Priority)
	assert.Equal(t, map[string]any{
		tasks.HeaderRoutingKey: "email", tasks.HeaderSettlement: int64(1), tasks.HeaderReplays: int64(1),
	}, got.Headers)
}
