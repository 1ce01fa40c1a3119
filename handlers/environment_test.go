package handlers

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

func TestEnvironmentOfATaskThatCarriesEverything(t *testing.T) {
	assert.Equal(t, []string{
		"PATH=/bin",
		"WARREN_TASK_ID=id-1",
		"WARREN_ROUTING_KEY=email.welcome",
		"WARREN_QUEUE=email",
		"WARREN_ATTEMPT=2",
		"WARREN_MAX_ATTEMPTS=9",
		"WARREN_TIMEOUT_MS=90000",
		"WARREN_ENQUEUED_AT=1795327200005",
		"WARREN_NOT_BEFORE=1795327201005",
		"WARREN_EXPIRES_AT=1795330800005",
		"WARREN_SCHEDULE=daily",
		"WARREN_SCHEDULED_FOR=2026-11-22T06:00:00Z",
		"WARREN_SETTLEMENT=3",
		"WARREN_REDELIVERIES=4",
		"WARREN_ENQUEUED_BY=alice",
		"WARREN_CONTENT_TYPE=application/json",
		"WARREN_CONTENT_ENCODING=identity",
		`WARREN_ERRORS=["#1 2026-11-22T06:00:00Z w: \"no\"\nluck"]`,
		"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"TRACESTATE=a=100%",
	}, environment([]string{"PATH=/bin"}, fullTask()))
}

func TestEnvironmentDoesNotInheritAnotherTask(t *testing.T) {
	inherited := []string{"WARREN_TASK_ID=outer", "WARREN_SCHEDULE=outer", "TRACEPARENT=outer", "WARREN_URL=amqp://h", "A=b=c"}
	env := environment(inherited, &tasks.Task{ID: "inner", Key: "k", Attempt: 1})
	assert.Equal(t, []string{
		"WARREN_URL=amqp://h", "A=b=c", "WARREN_TASK_ID=inner", "WARREN_ROUTING_KEY=k", "WARREN_ATTEMPT=1",
	}, env)
}

func TestEnvironmentHoldsNoNUL(t *testing.T) {
	env := environment(nil, &tasks.Task{ID: "a\x00b"})
	assert.Equal(t, []string{"WARREN_TASK_ID=a\uFFFDb"}, env)
}
