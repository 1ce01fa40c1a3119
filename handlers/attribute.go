package handlers

import (
	"strconv"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The names of what travels as a property of AMQP and not as a header of ours.
const (
	attributeTaskID          = tasks.HeaderPrefix + "task-id"
	attributeContentType     = tasks.HeaderPrefix + "content-type"
	attributeContentEncoding = tasks.HeaderPrefix + "content-encoding"
)

// attribute is something that a handler is told of its task, under the name of the wire's header.
// An empty value is not set.
type attribute struct{ name, value string }

// attributes returns what every handler is told beside the payload, also what the task does not
// carry: a program must be shielded from a value that it would inherit.
func attributes(t *tasks.Task) []attribute {
	return []attribute{
		{attributeTaskID, t.ID},
		{tasks.HeaderRoutingKey, t.Key},
		{tasks.HeaderQueue, t.Queue},
		{tasks.HeaderAttempt, number(int64(t.Attempt))},
		{tasks.HeaderMaxAttempts, number(int64(t.MaxAttempts))},
		{tasks.HeaderTimeout, number(t.Timeout.Milliseconds())},
		{tasks.HeaderEnqueuedAt, millis(t.EnqueuedAt)},
		{tasks.HeaderNotBefore, millis(t.NotBefore)},
		{tasks.HeaderExpiresAt, millis(t.ExpiresAt)},
		{tasks.HeaderSchedule, t.Schedule},
		{tasks.HeaderScheduledFor, stamp(t.ScheduledFor)},
		{tasks.HeaderSettlement, number(int64(t.Settlement))},
		{tasks.HeaderRedeliveries, number(int64(t.Redeliveries))},
		{tasks.HeaderEnqueuedBy, checked(t.By)},
		{tasks.HeaderBatchID, t.BatchID},
		{tasks.HeaderBatchIndex, number(int64(t.BatchIndex))},
		{tasks.HeaderBatchTotal, number(int64(t.BatchTotal))},
	}
}

// checked returns the name of who enqueued a task where RabbitMQ has checked it: a program would
// believe any.
func checked(by tasks.Identity) string {
	if by.Claimed {
		return ""
	}
	return by.Name
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func millis(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMilli(), 10)
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}
