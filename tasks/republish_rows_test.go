package tasks_test

import (
	"bytes"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// republishings are all ways in which a delivered message is published again.
var republishings = map[string]func(tasks.Message, *tasks.Task) tasks.Message{
	"republished": func(m tasks.Message, t *tasks.Task) tasks.Message { return tasks.Republish(m, t, self) },
	"retried": func(m tasks.Message, t *tasks.Task) tasks.Message {
		return tasks.RetryMessage(m, t, self, now.Add(time.Minute), &tasks.Failure{Err: errBoom, At: now, Worker: "worker-1"})
	},
	"snoozed": func(m tasks.Message, t *tasks.Task) tasks.Message {
		return tasks.RetryMessage(m, t, self, now.Add(time.Minute), nil)
	},
	"redelivered": func(m tasks.Message, t *tasks.Task) tasks.Message {
		return tasks.RedeliveredMessage(m, t, self, time.Time{})
	},
	"dead": func(m tasks.Message, t *tasks.Task) tasks.Message {
		return tasks.DeadMessage(m, t, self, tasks.ReasonPermanent, tasks.Failure{Err: errBoom, At: now, Worker: "worker-1"}, true)
	},
}

// everyWay runs a check on a message in each way that it is published again.
func everyWay(t *testing.T, m tasks.Message, check func(t *testing.T, got tasks.Message)) {
	t.Helper()
	for name, republish := range republishings {
		t.Run(name, func(t *testing.T) {
			task := decoded(t, m)
			got := republish(m, task)
			assert.Equal(t, "email.welcome", decoded(t, got).Key)
			assert.Equal(t, int64(1), got.Headers[tasks.HeaderSettlement])
			check(t, got)
		})
	}
}

// One test for each row of docs/wire.md, What a republish keeps and changes: whatever the reason.

func TestEveryRepublishKeepsThePayload(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"none": nil, "empty": {}, "JSON": []byte(`{"a": 1}`), "binary": {0, 255, 254, '\n', 0}, "large": bytes.Repeat([]byte{0xfe}, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, tasks.Message{RoutingKey: "email.welcome", Body: body}, func(t *testing.T, got tasks.Message) {
				assert.Equal(t, body, got.Body)
			})
		})
	}
}

func TestEveryRepublishKeepsTheProperties(t *testing.T) {
	t.Parallel()
	for priority := range uint8(11) {
		m := tasks.Message{
			RoutingKey: "email.welcome", ContentType: "text/csv", ContentEncoding: "gzip", Priority: priority, CorrelationID: "c",
			ReplyTo: "r", MessageID: "m", Timestamp: time.Unix(1, 0), Type: "t", UserID: self, AppID: "a", Body: []byte("body"),
		}
		everyWay(t, m, func(t *testing.T, got tasks.Message) {
			want := m
			want.Headers, want.RoutingKey = got.Headers, "" // left to the caller
			if priority == 0 {
				want.Priority = tasks.DefaultPriority
			}
			assert.Equal(t, want, got)
		})
	}
}

// A value of every type that an AMQP table may hold, and names that look like ours but are not.
func TestEveryRepublishKeepsForeignHeaders(t *testing.T) {
	t.Parallel()
	foreign := map[string]any{
		"nil": nil, "bool": true, "int8": int8(math.MinInt8), "int16": int16(math.MinInt16), "int32": int32(math.MinInt32),
		"int64": int64(math.MinInt64), "uint8": uint8(math.MaxUint8), "uint16": uint16(math.MaxUint16), "uint32": uint32(math.MaxUint32),
		"float32": float32(0.1), "float64": math.MaxFloat64, "text": "ü\x00\xff", "empty": "", "bytes": []byte{0, 255},
		"time": time.Unix(1_700_000_000, 0), "list": []any{int32(1), nil, []any{}, "a"},
		"table": map[string]any{"x-death": []any{}, "deep": map[string]any{"CC": []any{"a"}}},
		"cc":    []any{"boss"}, "Bcc": "b", "X-Death": 1, "x-first": 1, "x-last": 1, "x-deliveries": 1, "x-acquired-counts": 1,
		"": "no name", "Warren-Attempt": "seven", strings.Repeat("n", 255): 1,
	}
	everyWay(t, tasks.Message{RoutingKey: "email.welcome", Headers: maps.Clone(foreign)}, func(t *testing.T, got tasks.Message) {
		assert.Subset(t, got.Headers, foreign)
		for name := range got.Headers {
			_, known := foreign[name]
			assert.True(t, known || strings.HasPrefix(name, tasks.HeaderPrefix), name)
		}
	})
}

// What fits a frame is not for this package to say: it keeps all, and the broker's client refuses.
func TestEveryRepublishKeepsHugeHeaders(t *testing.T) {
	t.Parallel()
	foreign := map[string]any{"one": strings.Repeat("x", 130<<10)}
	for i := range 5000 {
		foreign["x-"+strconv.Itoa(i)] = int64(i)
	}
	everyWay(t, tasks.Message{RoutingKey: "email.welcome", Headers: maps.Clone(foreign)}, func(t *testing.T, got tasks.Message) {
		assert.Subset(t, got.Headers, foreign)
	})
}

func TestEveryRepublishKeepsTheTraceAndTheOverrides(t *testing.T) {
	t.Parallel()
	own := map[string]any{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1,b=2",
		tasks.HeaderMaxAttempts: int32(7), tasks.HeaderTimeout: "1500", tasks.HeaderEnqueuedAt: int64(1000),
		tasks.HeaderExpiresAt: now.Add(time.Hour).UnixMilli(), tasks.HeaderSchedule: "daily", tasks.HeaderScheduledFor: "2026-11-22T06:00:00+09:00",
		"warren-batch-id": "b", "warren-batch-index": int64(1), "warren-key-id": "k",
		"warren-previous-attempt": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
	}
	everyWay(t, tasks.Message{RoutingKey: "email.welcome", Headers: maps.Clone(own)}, func(t *testing.T, got tasks.Message) {
		assert.Subset(t, got.Headers, own)
	})
}

func TestEveryRepublishStripsWhatBites(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email.welcome", Headers: map[string]any{
		"x-death": []any{map[string]any{"count": int64(1), "reason": "rejected"}}, "x-death-of": 1,
		"x-first-death-exchange": "e", "x-first-death-queue": "q", "x-first-death-reason": "r",
		"x-last-death-exchange": "e", "x-last-death-queue": "q", "x-last-death-reason": "r",
		"CC": []any{"a"}, "BCC": []any{"b"}, "x-delivery-count": int64(2), "x-acquired-count": int64(3),
	}}
	everyWay(t, m, func(t *testing.T, got tasks.Message) {
		for name := range got.Headers {
			assert.True(t, strings.HasPrefix(name, tasks.HeaderPrefix), name)
		}
	})
}

func TestEveryRepublishReplacesTheUser(t *testing.T) {
	t.Parallel()
	for userID, by := range map[string]any{"bob": "bob", self: self, "": nil} {
		everyWay(t, tasks.Message{RoutingKey: "email.welcome", UserID: userID}, func(t *testing.T, got tasks.Message) {
			assert.Equal(t, self, got.UserID)
			assert.Equal(t, by, got.Headers[tasks.HeaderEnqueuedBy])
		})
	}
}

// Both expire, so the earlier does, whoever set it.
func TestEveryRepublishTurnsTheExpirationIntoATime(t *testing.T) {
	t.Parallel()
	minute := now.Add(time.Minute).UnixMilli()
	for name, tt := range map[string]struct {
		expiration string
		header     any
		want       any
	}{
		"expiration alone":      {"60000", nil, minute},
		"header alone":          {"", minute, minute},
		"expiration is earlier": {"60000", minute + 1, minute},
		"header is earlier":     {"60000", minute - 1, minute - 1},
		"neither":               {"", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := tasks.Message{RoutingKey: "email.welcome", Expiration: tt.expiration}
			if tt.header != nil {
				m.SetHeader(tasks.HeaderExpiresAt, tt.header)
			}
			everyWay(t, m, func(t *testing.T, got tasks.Message) {
				assert.Empty(t, got.Expiration)
				assert.Equal(t, tt.want, got.Headers[tasks.HeaderExpiresAt])
			})
		})
	}
}

// The attempt history is kept by what does not add to it.
func TestEveryRepublishKeepsTheHistory(t *testing.T) {
	t.Parallel()
	history := make([]any, tasks.MaxErrors)
	for i := range history {
		history[i] = "#" + strconv.Itoa(i+1)
	}
	m := tasks.Message{RoutingKey: "email.welcome", Headers: map[string]any{tasks.HeaderErrors: history, tasks.HeaderAttempt: int64(11)}}
	for name, want := range map[string][]any{
		"republished": history, "redelivered": history, "snoozed": history,
		"retried": append(history[1:], "#11 2026-11-22T06:00:01Z worker-1: boom"),
		"dead":    append(history[1:], "#11 2026-11-22T06:00:01Z worker-1: boom"),
	} {
		got := republishings[name](m, decoded(t, m))
		assert.Equal(t, want, got.Headers[tasks.HeaderErrors], name)
	}
}

// A task that kills its process leaves only this count; whoever comes back from it alive ends it.
func TestRedeliveriesSurviveWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header any
		queue  any
		want   int
	}{
		"neither":                      {nil, nil, 0},
		"the wire's":                   {int32(3), nil, 3},
		"a quorum queue's":             {nil, int64(4), 4},
		"both":                         {"3", int64(4), 7},
		"both, any type":               {int8(3), uint16(4), 7},
		"a negative one":               {int64(3), int64(-1), 3},
		"one that is no number":        {int64(3), []any{}, 3},
		"one that does not fit":        {int64(3), uint64(math.MaxUint64), 3},
		"both together would overflow": {int64(math.MaxInt32), int64(math.MaxInt32), math.MaxInt32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{RoutingKey: "email"}
			if tt.header != nil {
				m.SetHeader(tasks.HeaderRedeliveries, tt.header)
			}
			if tt.queue != nil {
				m.SetHeader("x-delivery-count", tt.queue)
			}
			task := decoded(t, m)
			assert.Equal(t, tt.want, task.Redeliveries)
			assert.NotContains(t, task.Headers, "x-delivery-count")
			for way, want := range map[string]int{
				"republished": tt.want, "redelivered": tt.want, "dead": tt.want, "retried": 0, "snoozed": 0,
			} {
				got := republishings[way](m, task)
				assert.Equal(t, want, decoded(t, got).Redeliveries, way)
				_, present := got.Headers[tasks.HeaderRedeliveries]
				assert.Equal(t, want > 0, present, way)
			}
		})
	}
}

func TestRedeliveredMessage(t *testing.T) {
	t.Parallel()
	m := tasks.Message{RoutingKey: "email", Headers: map[string]any{
		tasks.HeaderAttempt: int64(2), tasks.HeaderNotBefore: int64(1000), "x-delivery-count": int64(1),
	}}
	task := decoded(t, m)
	task.Redeliveries++ // the worker's own count of a classic queue's deliveries
	got := tasks.RedeliveredMessage(m, task, self, time.Time{})
	assert.Equal(t, map[string]any{
		tasks.HeaderAttempt: int64(2), tasks.HeaderNotBefore: int64(1000), tasks.HeaderRedeliveries: int64(2),
		tasks.HeaderRoutingKey: "email", tasks.HeaderSettlement: int64(1),
	}, got.Headers)

	got = tasks.RedeliveredMessage(m, task, self, now.Add(time.Minute))
	require.False(t, decoded(t, got).NotBefore.Before(now.Add(time.Minute)))
}

func TestMessageCountedByQueue(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"": false, "x-delivery-count": true, "x-acquired-count": true, "X-Delivery-Count": false} {
		m := tasks.Message{Headers: map[string]any{name: int64(0)}}
		assert.Equal(t, want, m.CountedByQueue(), name)
	}
	assert.False(t, new(tasks.Message).CountedByQueue())
}
