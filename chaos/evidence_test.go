package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

func TestLetterOf(t *testing.T) {
	assert.Equal(t, letter{id: "a", reason: tasks.ReasonPermanent, attempt: 2, settlement: 3, process: "w1", failedAt: at(1)},
		letterOf(tasks.Message{MessageID: "a", RoutingKey: queueName, Headers: map[string]any{
			tasks.HeaderDeadReason: "permanent", tasks.HeaderSettlement: int32(3), tasks.HeaderAttempt: int32(2),
			tasks.HeaderWorker: "w1", tasks.HeaderFailedAt: "2026-11-22T09:00:01Z", tasks.HeaderRoutingKey: keyHandled,
		}}))
	assert.Equal(t, letter{id: "a", attempt: 1}, letterOf(tasks.Message{MessageID: "a"}), "of one that RabbitMQ made")
}

func TestSpans(t *testing.T) {
	s := span{at(1), at(3)}
	for _, other := range []span{{at(0), at(1)}, {at(2), at(2)}, {at(0), at(9)}, {at(3), at(4)}} {
		assert.True(t, s.meets(other), other)
		assert.True(t, other.meets(s), other)
	}
	assert.False(t, s.meets(span{at(3.1), at(4)}))
	assert.False(t, span{at(3.1), at(4)}.meets(s))
	assert.True(t, s.contains(at(1)))
	assert.False(t, s.contains(at(0.9)))
	assert.False(t, s.contains(at(3.1)))
}
