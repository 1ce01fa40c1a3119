//go:build integration

package broker_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// deepTable is a header value that is so many tables deep.
func deepTable(depth int) amqp.Table {
	table := amqp.Table{"bottom": true}
	for range depth - 1 {
		table = amqp.Table{"t": table}
	}
	return table
}

// longestHeader is a header value with which the frame of a message's properties is as long as
// RabbitMQ takes it: whatever it adds makes it longer than it may send.
func longestHeader(id string) string {
	const payload, head, table, entry, mode = 131072 - 8, 14, 4, 1 + len("big") + 1 + 4, 1
	return strings.Repeat("x", payload-head-table-entry-mode-(1+len(id)))
}

// send publishes as a foreign producer would.
func (f *fixture) send(queue string, messages ...amqp.Publishing) {
	f.t.Helper()
	f.channel(func(ch *amqp.Channel) {
		require.NoError(f.t, ch.Confirm(false))
		for _, m := range messages {
			m.DeliveryMode = amqp.Persistent
			c, err := ch.PublishWithDeferredConfirmWithContext(f.ctx, "", queue, true, false, m)
			require.NoError(f.t, err)
			confirmed, err := c.WaitContext(f.ctx)
			require.NoError(f.t, err)
			require.True(f.t, confirmed)
		}
	})
}

// headersOf returns the headers of a queue's messages by their IDs, as the management API reads them.
func (f *fixture) headersOf(queue string) map[string]map[string]any {
	f.t.Helper()
	body := []byte(`{"count": 100, "ackmode": "ack_requeue_true", "encoding": "auto"}`)
	status, answer := f.ask(http.MethodPost, "/api/queues/"+f.vhost.Name+"/"+queue+"/get", body)
	require.Equal(f.t, http.StatusOK, status, answer)
	var messages []struct {
		Properties struct {
			ID      string         `json:"message_id"`
			Headers map[string]any `json:"headers"`
		} `json:"properties"`
	}
	require.NoError(f.t, json.Unmarshal([]byte(answer), &messages))
	headers := map[string]map[string]any{}
	for _, m := range messages {
		headers[m.Properties.ID] = m.Properties.Headers
	}
	return headers
}

// Messages that the library cannot read, between others: all arrive, and the unreadable ones go to the
// dead-letter queue as they are, where they can be looked at.
func TestUnreadableMessages(t *testing.T) {
	t.Parallel()
	for _, kind := range []routing.QueueType{routing.Classic, routing.Quorum} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			spec := queue(t, "email", "email.#")
			spec.Type = kind
			f.declare(spec)
			f.declareQueue("growing", amqp.Table{ // gives each message a longer history at once
				"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "email", "x-message-ttl": int32(0),
			})
			why := map[string]string{
				"deep": "nested deeper than 32", "wide": "more than 8192 elements", "grown": "over the maximum of 131072",
			}
			wide := make([]any, 8193)
			f.publish("email", 0, 5)
			f.send("email", amqp.Publishing{MessageId: "deep", CorrelationId: "c", Body: []byte("{}"), Headers: amqp.Table{"deep": deepTable(36)}})
			f.publish("email", 5, 5)
			f.send("email", amqp.Publishing{MessageId: "wide", Body: []byte("{}"), Headers: amqp.Table{"wide": wide}})
			f.publish("email", 10, 5)
			f.send("growing", amqp.Publishing{MessageId: "grown", Body: []byte("{}"), Headers: amqp.Table{"big": longestHeader("grown")}})
			f.publish("email", 15, 5)

			deliveries := make(chan *broker.Delivery, 1000)
			k := f.consume(f.client, "email", 4, func(d *broker.Delivery) { deliveries <- d })
			done := map[string]bool{}
			for len(done) < 20+len(why) {
				d := receive(t, deliveries, "a message")
				if d.Lost() {
					continue
				}
				id := d.Message.MessageID
				if why[id] == "" {
					require.NoError(t, d.Unreadable)
					if d.Ack() == nil {
						done[id] = true
					}
					continue
				}
				require.ErrorIs(t, d.Unreadable, broker.ErrUnreadable)
				require.ErrorContains(t, d.Unreadable, why[id])
				require.Empty(t, d.Message.Headers)
				require.Equal(t, "{}", string(d.Message.Body))
				require.NoError(t, d.Reject())
				done[id] = true
			}
			for i := range 20 {
				require.True(t, done[strconv.Itoa(i)])
			}
			f.publish("email", 99, 1)
			last := receive(t, deliveries, "one more on the same session")
			require.Equal(t, "99", last.Message.MessageID)
			require.NoError(t, last.Ack())
			require.NoError(t, k.Cancel(f.ctx))
			k.Close()

			require.Eventually(t, func() bool { return f.depth("email.dead") == len(why) }, patience, pollEvery)
			seen := map[string]tasks.Message{}
			require.NoError(t, f.client.Browse(f.ctx, "email.dead", 0, func(m tasks.Message) bool {
				seen[m.MessageID] = m
				return true
			}))
			for id, why := range why {
				require.Contains(t, seen, id)
				assert.Contains(t, seen[id].Headers[tasks.HeaderError], why)
				assert.Equal(t, "{}", string(seen[id].Body))
			}
			headers := f.headersOf("email.dead")
			assert.Len(t, headers["wide"]["wide"], 8193, "headers are as they were")
			assert.NotEmpty(t, headers["deep"]["deep"])
			assert.Len(t, headers["grown"]["big"], len(longestHeader("grown")))
			for id := range why {
				assert.Contains(t, headers[id], "x-death")
			}
		})
	}
}

// A quorum queue counts deliveries in a header, with which a message can become unreadable after it
// was read.
func TestAMessageThatBecomesUnreadable(t *testing.T) {
	t.Parallel()
	f := setup(t)
	spec := queue(t, "email", "email.#")
	spec.Type = routing.Quorum
	f.declare(spec)
	f.send("email", amqp.Publishing{MessageId: "grown", Headers: amqp.Table{"big": longestHeader("grown")}})
	deliveries := make(chan *broker.Delivery, 10)
	f.consume(f.client, "email", 4, func(d *broker.Delivery) { deliveries <- d })
	d := receive(t, deliveries, "the message")
	require.NoError(t, d.Unreadable)
	require.NoError(t, d.Requeue())
	d = receive(t, deliveries, "the message again")
	require.ErrorIs(t, d.Unreadable, broker.ErrUnreadable)
	require.Equal(t, "grown", d.Message.MessageID)
	require.NoError(t, d.Reject())
	require.Eventually(t, func() bool { return f.depth("email.dead") == 1 }, patience, pollEvery)
	assert.Equal(t, []string{"grown"}, f.browse("email.dead", 0))
	assert.Equal(t, []string{"grown"}, f.browse("email.dead", 1), "and once more")
}
