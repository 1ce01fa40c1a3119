package main

import (
	"encoding/json"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
)

func TestPayload(t *testing.T) {
	assert.Len(t, payload(256), 256)
	assert.True(t, json.Valid(payload(256)))
	assert.True(t, json.Valid(payload(1)))
}

// acks notes what is acknowledged.
type acks struct{ said []ack }

type ack struct {
	tag      uint64
	multiple bool
}

func (a *acks) Ack(tag uint64, multiple bool) error {
	a.said = append(a.said, ack{tag, multiple})
	return nil
}
func (a *acks) Nack(uint64, bool, bool) error { return nil }
func (a *acks) Reject(uint64, bool) error     { return nil }

func TestLoopAcknowledgesAll(t *testing.T) {
	consumed := func(count int, multiple bool) []ack {
		var a acks
		deliveries := make(chan amqp.Delivery, count)
		for i := range count {
			deliveries <- amqp.Delivery{Acknowledger: &a, DeliveryTag: uint64(i + 1)}
		}
		close(deliveries)
		handled := 0
		assert.NoError(t, consumePlain(deliveries, multiple, func(string) { handled++ }))
		assert.Equal(t, count, handled)
		return a.said
	}
	assert.Equal(t, []ack{{1, false}, {2, false}}, consumed(2, false))
	assert.Equal(t, []ack{{50, true}, {100, true}, {120, true}}, consumed(120, true))
	assert.Equal(t, []ack{{50, true}}, consumed(50, true))
	assert.Empty(t, consumed(0, true))
}
