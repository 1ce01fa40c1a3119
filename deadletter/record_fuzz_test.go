package deadletter_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

// value draws a header's value of any type that AMQP has.
func value(t *rapid.T, depth int) any {
	top := 10
	if depth == 0 {
		top = 8
	}
	switch rapid.IntRange(0, top).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.SampledFrom([]string{"rejected", "expired", "email", "2026-11-22T06:00:01Z", "2026-11-22T06:00:01+24:00", "", "\xff"}).Draw(t, "text")
	case 2:
		return rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "bytes")
	case 3:
		return rapid.Int64().Draw(t, "int64")
	case 4:
		return rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -0.5}).Draw(t, "float64")
	case 5:
		return time.Unix(rapid.Int64().Draw(t, "seconds"), 0)
	case 6:
		return rapid.Bool().Draw(t, "bool")
	case 7:
		return rapid.Float32().Draw(t, "float32")
	case 8:
		return rapid.Int8().Draw(t, "int8")
	case 9:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range list {
			list[i] = value(t, depth-1)
		}
		return list
	default:
		return table(t, depth-1, "reason", "queue", "time", "routing-keys", "other")
	}
}

func table(t *rapid.T, depth int, names ...string) map[string]any {
	headers := map[string]any{}
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "names") {
		headers[name] = value(t, depth)
	}
	return headers
}

// everyMessageIsARecord holds for whatever a message carries: it is a record whose JSON is one line
// that holds the payload.
func everyMessageIsARecord(t *rapid.T) {
	m := tasks.Message{
		MessageID:  rapid.String().Draw(t, "id"),
		RoutingKey: rapid.SampledFrom([]string{"email", "email.welcome", delayed + "a", ""}).Draw(t, "key"),
		Expiration: rapid.SampledFrom([]string{"", "5", "x"}).Draw(t, "expiration"),
		Priority:   rapid.Uint8().Draw(t, "priority"),
		Timestamp:  time.Unix(rapid.Int64().Draw(t, "timestamp"), 0),
		Body:       rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		Headers: table(t, 4, "x-death", tasks.HeaderDeadReason, tasks.HeaderError, tasks.HeaderErrors, tasks.HeaderFailedAt,
			tasks.HeaderQueue, tasks.HeaderWorker, tasks.HeaderAttempt, tasks.HeaderRoutingKey, "other"),
	}
	queue := rapid.SampledFrom([]string{"email.dead", "warren.unrouted", ".dead", ""}).Draw(t, "queue")
	line, err := json.Marshal(deadletter.FromMessage(m, queue))
	require.NoError(t, err)
	require.NotContains(t, string(line), "\n")
	var back deadletter.Record
	require.NoError(t, json.Unmarshal(line, &back))
	payload := []byte(back.Payload)
	if back.PayloadBase64 != "" {
		payload, err = base64.StdEncoding.DecodeString(back.PayloadBase64)
		require.NoError(t, err)
	}
	require.True(t, bytes.Equal(m.Body, payload))
	require.GreaterOrEqual(t, back.Attempt, 1)
	require.GreaterOrEqual(t, back.Priority, tasks.MinPriority)
	require.LessOrEqual(t, back.Priority, tasks.MaxPriority)
}

func TestEveryMessageIsARecord(t *testing.T) { rapid.Check(t, everyMessageIsARecord) }

// FuzzFromMessage draws messages from the fuzzer's bytes; a message takes some hundred of them.
func FuzzFromMessage(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	for length := range 60 {
		seed := make([]byte, 64*length)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(everyMessageIsARecord))
}
