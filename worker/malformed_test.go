//go:build integration

package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// Two thousand messages as no program of ours would write them: each is either run or a dead letter
// with a reason, none is lost and none stops the others.
func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ran := make(chan string, 10_000)
	stop := f.run(worker.Config{Queues: []worker.Queue{{
		Name: "odd", Routes: []string{"#"}, Retry: soon,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error { ran <- task.ID; return nil }),
	}}})
	const count = 2000
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a reproducible choice
	confirmations := make([]*amqp.DeferredConfirmation, 0, count)
	open := map[string]bool{}
	closed := f.amqp.NotifyClose(make(chan *amqp.Error, 1))
	for i := range count {
		p := oddMessage(random)
		p.MessageId = fmt.Sprintf("odd-%d", i)
		open[p.MessageId] = true
		confirmation, err := f.amqp.PublishWithDeferredConfirm("warren.tasks", oddKey(random), false, false, p)
		if err != nil {
			require.NoError(t, err, "the broker refused a message: %v", <-closed)
		}
		confirmations = append(confirmations, confirmation)
	}
	for _, c := range confirmations {
		acked, err := c.WaitContext(f.ctx)
		require.NoError(t, err)
		require.True(t, acked)
	}
	deaths, err := f.amqp.Consume("odd.dead", "", true, false, false, false, nil)
	require.NoError(t, err)
	dead := map[string]int{}
	for len(open) > 0 {
		select {
		case id := <-ran:
			assert.True(t, open[id], "run twice: %s", id)
			delete(open, id)
		case d := <-deaths:
			assert.True(t, open[d.MessageId], "dead and run: %s", d.MessageId)
			delete(open, d.MessageId)
			dead[fmt.Sprint(d.Headers[tasks.HeaderDeadReason])]++
			assert.NotEmpty(t, d.Headers[tasks.HeaderError])
		case <-f.ctx.Done():
			require.FailNow(t, "not accounted for", "%d left", len(open))
		}
	}
	require.NoError(t, stop())
	t.Logf("dead: %v", dead)
	assert.Positive(t, dead["malformed"])
	assert.Equal(t, 0, f.depth("odd"))
}

func oddKey(random *rand.Rand) string {
	keys := []string{"odd.x", "", ".", "a..b", " with space ", "ü.ö", "\xff\xfe", strings.Repeat("x", 255), "a.*.#"}
	return keys[random.IntN(len(keys))]
}

func oddMessage(random *rand.Rand) amqp.Publishing {
	headers := []string{
		tasks.HeaderAttempt, tasks.HeaderMaxAttempts, tasks.HeaderTimeout, tasks.HeaderRoutingKey, tasks.HeaderEnqueuedAt,
		tasks.HeaderExpiresAt, tasks.HeaderScheduledFor, tasks.HeaderSchedule, tasks.HeaderErrors, tasks.HeaderSettlement,
		tasks.HeaderRedeliveries, tasks.HeaderTraceParent, "x-death", "x-first-death-queue", "CC", "foreign", "warren-future",
	}
	values := []any{
		// not NaN nor infinity: the broker's own channel crashes over them
		nil, true, int8(-1), int16(math.MinInt16), int32(-7), int64(math.MinInt64), int64(math.MaxInt64), uint8(255),
		float32(0.5), math.MaxFloat64, "many", "", "\xff\xfe", "-1", strings.Repeat("9", 100), []byte{0, 1, 2},
		[]any{}, []any{int32(1), nil, amqp.Table{}}, amqp.Table{"a": amqp.Table{"b": []any{"c"}}}, amqp.Decimal{Scale: 2, Value: 5},
	}
	bodies := [][]byte{nil, {}, []byte("{"), []byte("\xff\xfe\xfd"), []byte("null"), bytes.Repeat([]byte{0}, 1000)}
	p := amqp.Publishing{Headers: amqp.Table{}, Body: bodies[random.IntN(len(bodies))]}
	if random.IntN(100) == 0 {
		p.Body = bytes.Repeat([]byte("m"), 1<<20)
	}
	for range 1 + random.IntN(3) {
		header, value := headers[random.IntN(len(headers))], values[random.IntN(len(values))]
		if header == "CC" { // the broker itself refuses another type, with the channel
			value = []any{"odd.copy"}
		}
		p.Headers[header] = value
	}
	p.Priority = uint8(random.IntN(256))
	p.ContentType = []string{"", "application/json", "\xff", strings.Repeat("c", 255)}[random.IntN(4)]
	return p
}
