package deadletter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

var failedAt = time.Date(2026, 11, 22, 6, 0, 1, 0, time.UTC)

// workerLetter is a dead letter as a worker makes one.
func workerLetter(t *testing.T, id, key string, reason tasks.Reason) tasks.Message {
	t.Helper()
	m := tasks.Message{
		RoutingKey: key, MessageID: id, Body: []byte(`{"to":"ü"}`), Priority: 7, Expiration: "1000",
		Headers: map[string]any{"tenant": "acme", "warren-attempt": int32(2), "warren-errors": []any{"#1 earlier"}},
	}
	task, err := tasks.Decode(m, "email", failedAt)
	require.NoError(t, err)
	failure := tasks.Failure{Err: errors.New("connection refused"), At: failedAt, Worker: "worker-1"}
	letter := tasks.DeadMessage(m, &task, "guest", reason, failure, true)
	letter.Exchange, letter.RoutingKey = "warren.dead", "email"
	return letter
}

func TestRecordOfAWorkersLetter(t *testing.T) {
	m := workerLetter(t, "id-1", "email.welcome", tasks.ReasonAttemptsExhausted)
	r := deadletter.FromMessage(m, "email.dead")
	headers := r.Headers
	r.Headers = nil
	assert.Equal(t, deadletter.Record{
		ID: "id-1", Key: "email.welcome", Queue: "email", Reason: tasks.ReasonAttemptsExhausted,
		Error: "connection refused", Errors: []string{"#1 earlier", "#2 2026-11-22T06:00:01Z worker-1: connection refused"},
		Attempt: 2, Priority: 7, FailedAt: failedAt, Worker: "worker-1", Payload: `{"to":"ü"}`,
	}, r)
	assert.Equal(t, "acme", headers["tenant"])
	assert.Equal(t, "email", headers["warren-queue"])
}

// brokerLetter is a message that RabbitMQ dead-lettered, with the x-death entries given.
func brokerLetter(deaths ...any) tasks.Message {
	return tasks.Message{
		Exchange: "warren.dead", RoutingKey: "email", MessageID: "id-2", Body: []byte("x"),
		Headers: map[string]any{"x-death": deaths},
	}
}

func entry(queue, reason, key string) map[string]any {
	return map[string]any{
		"count": int64(1), "queue": queue, "reason": reason, "exchange": "warren.strict",
		"time": failedAt, "routing-keys": []any{key},
	}
}

func TestRecordOfABrokersLetter(t *testing.T) {
	for word, want := range map[string]tasks.Reason{
		"expired": tasks.ReasonExpired, "rejected": tasks.ReasonRejected, "maxlen": tasks.ReasonOverflow,
		"delivery_limit": tasks.ReasonDeliveryLimit, "something-new": "something-new",
	} {
		r := deadletter.FromMessage(brokerLetter(entry("email", word, "email.welcome")), "email.dead")
		assert.Equal(t, want, r.Reason)
		assert.Equal(t, "email.welcome", r.Key)
		assert.Equal(t, "email", r.Queue)
		assert.Equal(t, failedAt, r.FailedAt)
		assert.Equal(t, 1, r.Attempt)
		assert.Equal(t, 4, r.Priority, "what an absent one counts as")
		assert.Empty(t, r.Error+r.Worker)
	}
}

const delayed = "1.0.2.0.0.0.0.0.0.0.0.0.0.0.r."

func TestRecordOfWhatCameThroughTheLadder(t *testing.T) {
	hop := entry("warren.delay.00.1", "expired", delayed+"email.welcome")
	t.Run("and was rejected by its queue", func(t *testing.T) {
		for _, m := range []tasks.Message{
			brokerLetter(entry("email", "rejected", delayed+"email.welcome"), hop),
			brokerLetter(hop, entry("email", "rejected", delayed+"email.welcome")),
		} {
			r := deadletter.FromMessage(m, "email.dead")
			assert.Equal(t, tasks.ReasonRejected, r.Reason)
			assert.Equal(t, "email.welcome", r.Key)
		}
	})
	t.Run("and was parked", func(t *testing.T) {
		m := tasks.Message{RoutingKey: delayed + "nobody.wants", Headers: map[string]any{"x-death": []any{hop}}}
		r := deadletter.FromMessage(m, "warren.unrouted")
		assert.Empty(t, r.Reason)
		assert.Empty(t, r.Queue)
		assert.Equal(t, "nobody.wants", r.Key)
		assert.Zero(t, r.FailedAt)
	})
	t.Run("and was put into a dead-letter queue by a worker", func(t *testing.T) {
		m := workerLetter(t, "id", "email.welcome", tasks.ReasonPermanent)
		m.Headers["x-death"] = []any{hop} // of a worker that does not strip it
		assert.Equal(t, tasks.ReasonPermanent, deadletter.FromMessage(m, "email.dead").Reason)
	})
}

func TestRecordOfAnUnroutedMessage(t *testing.T) {
	t.Run("parked", func(t *testing.T) {
		r := deadletter.FromMessage(tasks.Message{RoutingKey: "nobody.wants", MessageID: "id"}, "warren.unrouted")
		assert.Equal(t, deadletter.Record{
			ID: "id", Key: "nobody.wants", Errors: []string{}, Attempt: 1, Priority: 4, Headers: map[string]any{},
		}, r)
	})
	t.Run("a letter without a dead-letter queue", func(t *testing.T) {
		r := deadletter.FromMessage(brokerLetter(entry("email", "rejected", "email.welcome")), "warren.unrouted")
		assert.Equal(t, "email", r.Queue)
		assert.Equal(t, tasks.ReasonRejected, r.Reason)
		assert.Equal(t, "email.welcome", r.Key)
	})
	t.Run("a worker's letter without a dead-letter queue", func(t *testing.T) {
		r := deadletter.FromMessage(workerLetter(t, "id", "email.welcome", tasks.ReasonPermanent), "warren.unrouted")
		assert.Equal(t, "email", r.Queue)
		assert.Equal(t, "email.welcome", r.Key)
	})
}

func TestRecordOfALetterOfAnotherQueue(t *testing.T) {
	r := deadletter.FromMessage(brokerLetter(entry("email-v1", "expired", "email.old")), "email.dead")
	assert.Equal(t, "email-v1", r.Queue)
	assert.Equal(t, tasks.ReasonExpired, r.Reason)
}

func TestRecordOfASecondDeath(t *testing.T) {
	m := workerLetter(t, "id", "email.welcome", tasks.ReasonPermanent) // replayed as it is, and then rejected
	m.Headers["x-death"] = []any{entry("email", "delivery_limit", "email")}
	r := deadletter.FromMessage(m, "email.dead")
	assert.Equal(t, tasks.ReasonDeliveryLimit, r.Reason)
	assert.Equal(t, "email.welcome", r.Key)
	assert.Empty(t, r.Error, "that was of the first death")
}

func TestRecordIsTolerant(t *testing.T) {
	for name, value := range map[string]any{
		"nothing": nil, "number": int32(1), "text": "x", "list": []any{1, "x", nil}, "table": map[string]any{"queue": 1},
		"empty death": []any{map[string]any{}}, "odd death": []any{map[string]any{"reason": 5, "queue": []any{}, "time": "x", "routing-keys": "x"}},
		"far time": []any{map[string]any{"reason": []byte("rejected"), "time": time.Unix(math.MaxInt64/2, 0), "routing-keys": []any{1}}},
	} {
		t.Run(name, func(t *testing.T) {
			m := tasks.Message{RoutingKey: "email", Headers: map[string]any{"x-death": value}}
			for _, header := range []string{
				tasks.HeaderDeadReason, tasks.HeaderError, tasks.HeaderErrors, tasks.HeaderFailedAt, tasks.HeaderQueue,
				tasks.HeaderWorker, tasks.HeaderAttempt, tasks.HeaderRoutingKey,
			} {
				m.Headers[header] = value
			}
			r := deadletter.FromMessage(m, "email.dead")
			_, err := json.Marshal(r)
			require.NoError(t, err)
			assert.Equal(t, 1, max(r.Attempt, 1))
		})
	}
}

// A time that JSON cannot say would end the listing of all letters.
func TestRecordOfATimeThatJSONCannotSay(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-22T06:00:01Z":      failedAt,
		"2026-11-22T15:00:01+09:00": failedAt,
		"2026-11-23T06:00:01+24:00": failedAt,
		"0000-01-01T00:00:00+01:00": {},
		"9999-12-31T23:59:59-01:00": {},
	} {
		r := deadletter.FromMessage(tasks.Message{Headers: map[string]any{tasks.HeaderFailedAt: text}}, "email.dead")
		assert.Equal(t, want, r.FailedAt, text)
		_, err := json.Marshal(r)
		assert.NoError(t, err, text)
	}
}

func TestRecordJSON(t *testing.T) {
	encode := func(r deadletter.Record) string {
		var out bytes.Buffer
		require.NoError(t, json.NewEncoder(&out).Encode(r))
		return out.String()
	}
	m := workerLetter(t, "id-1", "email.welcome", tasks.ReasonPermanent)
	m.Headers = map[string]any{
		"warren-routing-key": "email.welcome", "warren-dead-reason": "permanent", "warren-failed-at": "2026-11-22T06:00:01Z",
		"warren-replays": int64(3), "bytes": []byte("ü"), "binary": []byte{0xff}, "nan": math.NaN(), "single": float32(1.5), "at": failedAt,
		"deep": map[string]any{"list": []any{int8(1), uint64(math.MaxUint64), nil, true}}, "odd": struct{ A int }{1},
	}
	assert.JSONEq(t, `{
		"id": "id-1", "key": "email.welcome", "queue": "email", "reason": "permanent", "error": "", "errors": [], "attempt": 1, "replays": 3,
		"priority": 7, "failed_at": "2026-11-22T06:00:01Z", "worker": "", "payload": "{\"to\":\"ü\"}",
		"headers": {
			"warren-routing-key": "email.welcome", "warren-dead-reason": "permanent", "warren-failed-at": "2026-11-22T06:00:01Z",
			"warren-replays": 3, "bytes": "ü", "binary": "/w==", "nan": "NaN", "single": 1.5, "at": "2026-11-22T06:00:01Z",
			"deep": {"list": [1, 18446744073709551615, null, true]}, "odd": "{1}"
		}
	}`, encode(deadletter.FromMessage(m, "email.dead")))

	binary := encode(deadletter.FromMessage(tasks.Message{Body: []byte{0xff, 0}}, "email.dead"))
	assert.Contains(t, binary, `"payload_base64":"/wA="`)
	assert.NotContains(t, binary, `"payload":`)
	assert.NotContains(t, binary, "failed_at")
}

func TestRecordBody(t *testing.T) {
	var r deadletter.Record
	for _, body := range []string{"", "é", "\xff\x00"} {
		r.SetBody([]byte(body))
		assert.Equal(t, body, string(r.Body()))
		assert.Equal(t, body == "\xff\x00", r.PayloadBase64 != "")
	}
}
