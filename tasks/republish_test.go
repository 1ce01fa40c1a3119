package tasks_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

const self = "warren-worker" // the user of our own connection

// decoded returns the task of a message that can be read.
func decoded(t *testing.T, m tasks.Message) *tasks.Task {
	t.Helper()
	task, err := tasks.Decode(m, "email", now)
	require.NoError(t, err)
	return &task
}

func TestRepublishKeepsTheMessage(t *testing.T) {
	t.Parallel()
	m := tasks.Message{
		Exchange: "warren.tasks", RoutingKey: "email.welcome", ContentType: "text/csv", ContentEncoding: "gzip", Priority: 7,
		CorrelationID: "c", ReplyTo: "r", MessageID: "m", Timestamp: time.Unix(1, 0), Type: "t", UserID: self, AppID: "a",
		Body: []byte("body"),
		Headers: map[string]any{
			"x-tenant": "acme", "cc": []any{"boss"}, "Bcc": "b", "X-Death": 1, "traceparent": "tp", "nested": map[string]any{"a": []any{1}},
			"warren-batch-id": "b", tasks.HeaderMaxAttempts: int32(3),
		},
	}
	headers := maps.Clone(m.Headers)
	got := tasks.Republish(m, decoded(t, m), self)
	assert.Same(t, &m.Body[0], &got.Body[0])
	assert.Equal(t, headers, m.Headers, "the message's own table")

	want := m
	want.Exchange, want.RoutingKey = "", "" // left to the caller
	want.Headers = maps.Clone(headers)
	want.Headers[tasks.HeaderRoutingKey] = "email.welcome"
	want.Headers[tasks.HeaderSettlement] = int64(1)
	want.Headers[tasks.HeaderEnqueuedBy] = self
	assert.Equal(t, want, got)
}

func TestRepublishWithoutHeaders(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email"}
	got := tasks.Republish(m, decoded(t, m), self)
	assert.Equal(t, map[string]any{tasks.HeaderRoutingKey: "email", tasks.HeaderSettlement: int64(1)}, got.Headers)
	assert.Nil(t, m.Headers)
}

func TestRepublishStripsWhatBites(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email", Headers: map[string]any{
		"x-death": []any{}, "x-death-anything": 1, "x-first-death-exchange": "e", "x-first-death-queue": "q", "x-first-death-reason": "r",
		"x-last-death-exchange": "e", "x-last-death-queue": "q", "x-last-death-reason": "r", "CC": []any{"a"}, "BCC": []any{"b"},
		"x-delivery-count": 3, "x-acquired-count": 4, "x-dea": 1,
	}}
	got := tasks.Republish(m, decoded(t, m), self)
	assert.Equal(t, map[string]any{
		"x-dea": 1, tasks.HeaderRoutingKey: "email", tasks.HeaderSettlement: int64(1), tasks.HeaderRedeliveries: int64(3),
	}, got.Headers)
}

// Who enqueued is believed only from our own republishing, which the broker vouches for.
func TestRepublishEnqueuedBy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		userID string
		header any
		self   string
		want   any // nil: none
	}{
		"nobody":                            {"", nil, self, nil},
		"a user":                            {"bob", nil, self, "bob"},
		"our own user, first time":          {self, nil, self, self},
		"carried by us":                     {self, "bob", self, "bob"},
		"forged without a user":             {"", "admin", self, nil},
		"forged by a user":                  {"bob", "admin", self, "bob"},
		"forged in our name":                {"bob", self, self, "bob"},
		"forged, and we have no name":       {"", "admin", "", nil},
		"forged by a user, we have no name": {"bob", "admin", "", "bob"},
		"forged as no text":                 {"bob", 7, self, "bob"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{RoutingKey: "email", UserID: tt.userID}
			if tt.header != nil {
				m.SetHeader(tasks.HeaderEnqueuedBy, tt.header)
			}
			task, _ := tasks.Decode(m, "email", now) // one of them is malformed
			got := tasks.Republish(m, &task, tt.self)
			assert.Equal(t, tt.self, got.UserID)
			value, present := got.Headers[tasks.HeaderEnqueuedBy]
			assert.Equal(t, tt.want, value)
			assert.Equal(t, tt.want != nil, present)
			again := tasks.Republish(got, decoded(t, got), tt.self)
			if tt.self != "" {
				assert.Equal(t, got.Headers[tasks.HeaderEnqueuedBy], again.Headers[tasks.HeaderEnqueuedBy], "our own user is not taken for whoever it was")
			}
		})
	}
}

func TestRepublishFillsIn(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email"}
	got := tasks.Republish(m, decoded(t, m), self)
	_, isV7 := tasks.IDTime(got.MessageID)
	assert.True(t, isV7, "an ID")
	assert.EqualValues(t, tasks.DefaultPriority, got.Priority)

	m = tasks.Message{RoutingKey: "email", MessageID: "m", Priority: 200}
	got = tasks.Republish(m, decoded(t, m), self)
	assert.Equal(t, "m", got.MessageID)
	assert.EqualValues(t, 200, got.Priority, "what is there stays")
}

func TestRepublishExpiration(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email", Expiration: "60000"}
	got := tasks.Republish(m, decoded(t, m), self)
	assert.Empty(t, got.Expiration)
	assert.Equal(t, now.Add(time.Minute).UnixMilli(), got.Headers[tasks.HeaderExpiresAt])

	m.SetHeader(tasks.HeaderExpiresAt, now.Add(time.Second).UnixMilli())
	got = tasks.Republish(m, decoded(t, m), self)
	assert.Equal(t, now.Add(time.Second).UnixMilli(), got.Headers[tasks.HeaderExpiresAt], "the earlier of both")

	m = tasks.Message{RoutingKey: "email", Expiration: "soon"}
	task, err := tasks.Decode(m, "email", now)
	require.Error(t, err)
	got = tasks.Republish(m, &task, self)
	assert.Empty(t, got.Expiration)
	assert.NotContains(t, got.Headers, tasks.HeaderExpiresAt)
}

// The original key survives any number of republishings, under whatever key they travel.
func TestRepublishCountsAndKeepsTheKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"email.welcome", "", strings.Repeat("k", 255), "\xff.\x00", strings.Repeat("é", 300)} {
		m := tasks.Message{RoutingKey: "email"}
		m.SetHeader(tasks.HeaderRoutingKey, key)
		for settlement := 1; settlement <= 3; settlement++ {
			m = tasks.Republish(m, decoded(t, m), self)
			assert.Equal(t, int64(settlement), m.Headers[tasks.HeaderSettlement])
			m.RoutingKey = strings.Repeat("0.", 14) + "q.email"
		}
		assert.Equal(t, key, decoded(t, m).Key)
	}
}

func TestRetryMessage(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email", Headers: map[string]any{
		tasks.HeaderAttempt: int64(2), tasks.HeaderNotBefore: now.UnixMilli(), tasks.HeaderErrors: []any{"#1 before"},
	}}
	task := decoded(t, m)
	failure := &tasks.Failure{Err: errors.New("connection refused"), At: now, Worker: "worker-1"}

	got := tasks.RetryMessage(m, task, self, now.Add(time.Minute), failure)
	assert.Equal(t, int64(3), got.Headers[tasks.HeaderAttempt])
	assert.Equal(t, now.Add(time.Minute).UnixMilli()+1, got.Headers[tasks.HeaderNotBefore], "rounded up")
	assert.Equal(t, []any{"#1 before", "#2 2026-11-22T06:00:01Z worker-1: connection refused"}, got.Headers[tasks.HeaderErrors])
	assert.Equal(t, []string{"#1 before"}, task.Errors, "the task's own stay as they were")

	got = tasks.RetryMessage(m, task, self, time.Time{}, nil)
	assert.Equal(t, int64(2), got.Headers[tasks.HeaderAttempt], "a snooze does not count")
	assert.NotContains(t, got.Headers, tasks.HeaderNotBefore)
	assert.Equal(t, []any{"#1 before"}, got.Headers[tasks.HeaderErrors])
	assert.Equal(t, int64(1), got.Headers[tasks.HeaderSettlement])
	assert.Equal(t, int64(2), m.Headers[tasks.HeaderAttempt])
}

func TestDeadMessage(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email.welcome", MessageID: "m", Headers: map[string]any{tasks.HeaderAttempt: int64(5)}}
	task := decoded(t, m)
	failure := tasks.Failure{Err: errors.New("no such user"), At: now.In(time.FixedZone("JST", 9*3600)), Worker: "worker-1"}

	want := map[string]any{
		"warren-routing-key": "email.welcome", "warren-settlement": int64(1), "warren-attempt": int64(5),
		"warren-dead-reason": "attempts-exhausted", "warren-error": "no such user", "warren-failed-at": "2026-11-22T06:00:01Z",
		"warren-queue": "email", "warren-worker": "worker-1",
	}
	got := tasks.DeadMessage(m, task, self, tasks.ReasonAttemptsExhausted, failure, false)
	assert.Equal(t, want, got.Headers)

	want[tasks.HeaderErrors] = []any{"#5 2026-11-22T06:00:01Z worker-1: no such user"}
	got = tasks.DeadMessage(m, task, self, tasks.ReasonAttemptsExhausted, failure, true)
	assert.Equal(t, want, got.Headers)
	assert.Equal(t, map[string]any{tasks.HeaderAttempt: int64(5)}, m.Headers)
}

// Appending a failure must not write into the array behind the task's errors.
func TestFailuresDoNotShareTheTasksErrors(t *testing.T) {
	t.Parallel()
	spare := make([]string, 2, 10)
	spare[0], spare[1] = "#1", strings.Repeat("x", 300)
	task := &tasks.Task{Key: "email", Attempt: 3, Errors: spare}
	tasks.RetryMessage(tasks.Message{}, task, self, now, &tasks.Failure{Err: errors.New("a")})
	tasks.DeadMessage(tasks.Message{}, task, self, tasks.ReasonPermanent, tasks.Failure{Err: errors.New("b")}, true)
	assert.Equal(t, []string{"#1", strings.Repeat("x", 300)}, task.Errors)
	assert.Equal(t, make([]string, 8), spare[2:10])
}

// Whatever the error's text is, the headers stay small and can be shown.
func TestFailureBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"x", "é", "世", "🐇", "\xff", "a\xf0\x9f\x90", "\x00", "\n"}).Draw(t, "unit")
		text := rapid.StringN(0, 5, -1).Draw(t, "front") + strings.Repeat(unit, rapid.IntRange(0, 3000).Draw(t, "times"))
		task := &tasks.Task{Attempt: 1, Errors: make([]string, rapid.IntRange(0, 12).Draw(t, "earlier"))}
		got := tasks.DeadMessage(tasks.Message{}, task, self, tasks.ReasonPermanent, tasks.Failure{Err: errors.New(text), At: now, Worker: "w"}, true)

		mended := strings.ToValidUTF8(text, "\uFFFD")
		checkCut(t, mended, got.Headers[tasks.HeaderError].(string), 2048)
		lines := got.Headers[tasks.HeaderErrors].([]any)
		require.Len(t, lines, min(len(task.Errors)+1, 10))
		checkCut(t, "#1 2026-11-22T06:00:01Z w: "+mended, lines[len(lines)-1].(string), 200)
	})
}

// checkCut checks that a text is whole, or its beginning and its end with as little cut out as must be.
func checkCut(t *rapid.T, whole, got string, size int) {
	require.True(t, utf8.ValidString(got))
	require.LessOrEqual(t, len(got), size)
	if len(whole) <= size {
		require.Equal(t, whole, got)
		return
	}
	const mark = " … "
	require.Greater(t, len(got), size-2*(utf8.UTFMax-1)-1, "no more is cut out than must be")
	for at := range got { // the mark may be in the text too
		if front, end := got[:at], strings.TrimPrefix(got[at:], mark); strings.HasPrefix(got[at:], mark) &&
			strings.HasPrefix(whole, front) && strings.HasSuffix(whole, end) {
			require.InDelta(t, 0.4, float64(len(front))/float64(len(got)), 0.05)
			return
		}
	}
	require.Fail(t, "neither beginning nor end", "%q of %q", got, whole)
}

// The last lines of a program come with what it ended with, in either header.
func TestFailureTellsBeginningAndEnd(t *testing.T) {
	t.Parallel()
	program := "exit status 1: Traceback (most recent call last):\n" + strings.Repeat("  File \"send.py\", line 7, in send\n", 100) +
		"ConnectionRefusedError: [Errno 111] connection refused by smtp.example.com"
	got := tasks.DeadMessage(tasks.Message{}, &tasks.Task{Attempt: 2}, self, tasks.ReasonAttemptsExhausted,
		tasks.Failure{Err: errors.New(program), At: now, Worker: "vm:886"}, true)
	lines := got.Headers[tasks.HeaderErrors].([]any)
	assert.Equal(t, "#2 2026-11-22T06:00:01Z vm:886: exit status 1: Traceback (most recent call las … "+
		" in send\n  File \"send.py\", line 7, in send\nConnectionRefusedError: [Errno 111] connection refused by smtp.example.com", lines[0])
	for says, check := range map[string]func(string, string) bool{
		"exit status 1: Traceback":               strings.HasPrefix,
		"connection refused by smtp.example.com": strings.HasSuffix,
	} {
		assert.True(t, check(got.Headers[tasks.HeaderError].(string), says), says)
	}
}

func TestFailureWithoutAnError(t *testing.T) {
	t.Parallel()
	got := tasks.DeadMessage(tasks.Message{}, &tasks.Task{Attempt: 1}, self, tasks.ReasonExpired, tasks.Failure{At: now}, false)
	assert.Equal(t, "<nil>", got.Headers[tasks.HeaderError])
	var nilPointer *tasks.MalformedError
	got = tasks.DeadMessage(tasks.Message{}, &tasks.Task{Attempt: 1}, self, tasks.ReasonExpired, tasks.Failure{Err: nilPointer}, true)
	assert.Equal(t, "<nil>", fmt.Sprint(got.Headers[tasks.HeaderError]))
}
