package tasks_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// The barest message that any AMQP client can publish is a task.
func TestDecodeBareMessage(t *testing.T) {
	t.Parallel()
	body := []byte("hello")
	task, err := tasks.Decode(tasks.Message{Exchange: "warren.tasks", RoutingKey: "email.welcome", Body: body}, "email", now)
	require.NoError(t, err)
	assert.Equal(t, tasks.Task{
		Key: "email.welcome", Payload: body, ContentType: "application/json", Attempt: 1, Queue: "email",
	}, task)
	assert.Equal(t, 4, task.EffectivePriority())
	assert.Same(t, &body[0], &task.Payload[0], "the payload is not copied")
}

func TestDecodeKeepsProperties(t *testing.T) {
	t.Parallel()
	task, err := tasks.Decode(tasks.Message{
		RoutingKey: "email", ContentType: "text/csv", ContentEncoding: "gzip", Priority: 200, CorrelationID: "c", ReplyTo: "r",
		MessageID: "m", Timestamp: time.Unix(1, 0), Type: "t", UserID: "u", AppID: "a",
	}, "q", now)
	require.NoError(t, err)
	assert.Equal(t, tasks.Task{
		ID: "m", Key: "email", ContentType: "text/csv", ContentEncoding: "gzip", Priority: 200, CorrelationID: "c", ReplyTo: "r",
		EnqueuedAt: time.Unix(1, 0), Type: "t", UserID: "u", AppID: "a", Attempt: 1, Queue: "q",
	}, task)
	assert.Equal(t, 9, task.EffectivePriority(), "a foreign priority counts as the highest")
}

func TestDecodeKey(t *testing.T) {
	t.Parallel()
	ladder := strings.Repeat("0.", 14)
	long := strings.Repeat("\xff", 300)
	tests := map[string]struct {
		key    string
		header any
		want   string
	}{
		"as delivered":          {"email.welcome", nil, "email.welcome"},
		"through the ladder":    {ladder + "r.email.welcome", nil, "email.welcome"},
		"retried":               {"email", "email.welcome", "email.welcome"},
		"retried by the ladder": {ladder + "q.email", "email.welcome", "email.welcome"},
		"to a queue, no header": {ladder + "q.email", nil, ladder + "q.email"},
		"as bytes":              {"email", []byte("email.welcome"), "email.welcome"},
		"of any text":           {"email", long, long},
		"empty":                 {"email", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{RoutingKey: tt.key}
			if tt.header != nil {
				m.SetHeader(tasks.HeaderRoutingKey, tt.header)
			}
			task, err := tasks.Decode(m, "email", now)
			require.NoError(t, err)
			assert.Equal(t, tt.want, task.Key)
		})
	}
}

func TestDecodeHeaders(t *testing.T) {
	t.Parallel()
	task, err := tasks.Decode(tasks.Message{Headers: map[string]any{
		"x-death": []any{}, "x-delivery-count": 1, "x-death-reason": 1, "x-first-death-queue": "q", "x-last-death-reason": "rejected",
		"x-tenant": "acme", "X-Death": 1, "CC": []any{"a"}, "x-first-deaths": 1,
		"Warren-Attempt": "seven", "WARREN-TIMEOUT-MS": "x", "warren-unheard-of": "b", "": nil,
	}}, "q", now)
	require.NoError(t, err)
	assert.Equal(t, 1, task.Attempt, "a header's name has its case")
	assert.Equal(t, map[string]any{
		"x-tenant": "acme", "X-Death": 1, "CC": []any{"a"}, "x-first-deaths": 1,
		"Warren-Attempt": "seven", "WARREN-TIMEOUT-MS": "x", "warren-unheard-of": "b", "": nil,
	}, task.Headers)
}

func TestDecodeEnqueuedAt(t *testing.T) {
	t.Parallel()
	id, seconds := idAt(time.Unix(2000, 0)), time.Unix(3000, 0)
	tests := map[string]struct {
		m    tasks.Message
		want time.Time
	}{
		"header":                 {tasks.Message{MessageID: id, Timestamp: seconds, Headers: map[string]any{tasks.HeaderEnqueuedAt: 1000_000}}, time.Unix(1000, 0)},
		"UUIDv7":                 {tasks.Message{MessageID: id, Timestamp: seconds}, time.Unix(2000, 0)},
		"timestamp":              {tasks.Message{MessageID: "7", Timestamp: seconds}, seconds},
		"nothing":                {tasks.Message{MessageID: "7"}, time.Time{}},
		"timestamp 0":            {tasks.Message{Timestamp: time.Unix(0, 0)}, time.Time{}},
		"timestamp negative":     {tasks.Message{Timestamp: time.Unix(-5, 0)}, time.Time{}},
		"timestamp in ms":        {tasks.Message{Timestamp: time.Unix(now.UnixMilli(), 0)}, time.Time{}},
		"timestamp of all ones":  {tasks.Message{Timestamp: time.Unix(-1, 0)}, time.Time{}},
		"timestamp out of range": {tasks.Message{Timestamp: time.Unix(math.MaxInt64, 0)}, time.Time{}},
		"UUIDv7 out of range":    {tasks.Message{MessageID: "ffffffff-ffff-7fff-bfff-ffffffffffff"}, time.Time{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, err := tasks.Decode(tt.m, "q", now)
			require.NoError(t, err)
			assert.True(t, tt.want.Equal(task.EnqueuedAt), "%s", task.EnqueuedAt)
		})
	}
}

func TestDecodeExpiration(t *testing.T) {
	t.Parallel()
	const tenYears = 315_360_000_000
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	tests := map[string]struct {
		expiration string
		timestamp  time.Time
		header     time.Time
		want       time.Time
	}{
		"from now":                     {"60000", time.Time{}, time.Time{}, now.Add(time.Minute)},
		"from the enqueuing":           {"60000", past, time.Time{}, past.Add(time.Minute)},
		"from now by a clock ahead":    {"60000", future, time.Time{}, now.Add(time.Minute)},
		"from now by an absurd clock":  {"60000", time.Unix(math.MinInt64, 0), time.Time{}, now.Add(time.Minute)},
		"at once":                      {"0", time.Time{}, time.Time{}, now},
		"the longest RabbitMQ takes":   {strconv.Itoa(tenYears), time.Time{}, time.Time{}, now.Add(tenYears * time.Millisecond)},
		"earlier than the header says": {"60000", time.Time{}, future, now.Add(time.Minute)},
		"later than the header says":   {"60000", time.Time{}, past, past.Truncate(time.Millisecond)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tasks.Message{Expiration: tt.expiration, Timestamp: tt.timestamp}
			if !tt.header.IsZero() {
				m.SetHeader(tasks.HeaderExpiresAt, tt.header.UnixMilli())
			}
			task, err := tasks.Decode(m, "q", now)
			require.NoError(t, err)
			assert.True(t, tt.want.Equal(task.ExpiresAt), "%s", task.ExpiresAt)
		})
	}
	for _, expiration := range []string{"soon", "-1", "1.5", " 1", "1 ", "1m", strconv.Itoa(tenYears + 1), "99999999999999999999", "\xff"} {
		task, err := tasks.Decode(tasks.Message{Expiration: expiration, MessageID: "1"}, "q", now)
		var malformed *tasks.MalformedError
		require.ErrorAs(t, err, &malformed, "%q", expiration)
		assert.Equal(t, "property expiration", malformed.Field)
		assert.Zero(t, task.ExpiresAt)
		assert.Equal(t, "1", task.ID)
	}
}

func TestDecodeKeepsTheNewestErrors(t *testing.T) {
	t.Parallel()
	list := make([]any, 10_000)
	for i := range list {
		list[i] = "#" + strconv.Itoa(i) + strings.Repeat("x\xff", 300)
	}
	task, err := tasks.Decode(tasks.Message{Headers: map[string]any{tasks.HeaderErrors: list}}, "q", now)
	require.NoError(t, err)
	require.Len(t, task.Errors, tasks.MaxErrors)
	for i, text := range task.Errors {
		assert.True(t, strings.HasPrefix(text, "#"+strconv.Itoa(9990+i)+"x"), text)
		assert.LessOrEqual(t, len(text), tasks.MaxErrorsItemBytes)
	}
	assert.Equal(t, "#9999"+strings.Repeat("x\xff", 300), list[9999], "the message's own list stays as it was")
}
