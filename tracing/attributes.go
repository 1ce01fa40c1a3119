package tracing

import (
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/warrenmq/warren/tasks"
)

// The attributes of the semantic conventions.
const (
	keySystem         = attribute.Key("messaging.system")
	keyOperationName  = attribute.Key("messaging.operation.name")
	keyOperationType  = attribute.Key("messaging.operation.type")
	keyDestination    = attribute.Key("messaging.destination.name")
	keyRoutingKey     = attribute.Key("messaging.rabbitmq.destination.routing_key")
	keyMessageID      = attribute.Key("messaging.message.id")
	keyConversationID = attribute.Key("messaging.message.conversation_id")
	keyBodySize       = attribute.Key("messaging.message.body.size")
	keyMessageCount   = attribute.Key("messaging.batch.message_count")
	keyConsumerGroup  = attribute.Key("messaging.consumer.group.name")
	keyErrorType      = attribute.Key("error.type")

	eventException      = "exception"
	keyExceptionType    = attribute.Key("exception.type")
	keyExceptionMessage = attribute.Key("exception.message")
)

// Warren's own attributes. A name is for ever: dashboards ask for it.
const (
	keyQueue        = attribute.Key("warren.queue")
	keyAttempt      = attribute.Key("warren.attempt")
	keyRedeliveries = attribute.Key("warren.redeliveries")
	keyPriority     = attribute.Key("warren.priority")
	keyNotBefore    = attribute.Key("warren.not_before")    // RFC 3339, UTC
	keyWait         = attribute.Key("warren.wait_ms")       // since enqueued or, where that is later, due
	keySchedule     = attribute.Key("warren.schedule")      // schedule entry
	keyScheduledFor = attribute.Key("warren.scheduled_for") // RFC 3339, UTC
	keyBatch        = attribute.Key("warren.batch")
	keyBatchIndex   = attribute.Key("warren.batch_index")
	keyBatchTotal   = attribute.Key("warren.batch_total")
	keyOutcome      = attribute.Key("warren.outcome") // a tasks.EventKind
	keyReason       = attribute.Key("warren.reason")  // a tasks.Reason
	keyRetryIn      = attribute.Key("warren.retry_in_ms")
)

// The operations: their names, and their types where those differ.
const (
	operationPublish = "publish"
	operationCreate  = "create"
	operationProcess = "process"
	typeSend         = "send"
)

// system is where all spans come from.
var system = keySystem.String("rabbitmq")

// destination names what an operation is about in the way of the conventions for RabbitMQ: what is known
// of exchange, routing key and queue, with colons between; a queue with the routing key's name once.
func destination(exchange, key, queue string) string {
	if queue == key {
		queue = ""
	}
	parts := make([]string, 0, 3)
	for _, part := range [...]string{exchange, key, queue} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return valid(strings.Join(parts, ":"))
}

// valid returns a text that a foreign message may have as UTF-8: OTLP knows no other, and a batch in which
// there is other cannot be exported, with all its spans.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// spanName is an operation and what it is about.
func spanName(operation, destination string) string {
	if destination == "" {
		return operation
	}
	return operation + " " + destination
}

// taskAttributes are what a task carries from its producer, as far as it is set.
func taskAttributes(t *tasks.Task) []attribute.KeyValue {
	attributes := make([]attribute.KeyValue, 0, 16)
	attributes = append(attributes, keyBodySize.Int(len(t.Payload)))
	for _, a := range [...]struct {
		key   attribute.Key
		value string
	}{
		{keyMessageID, t.ID}, {keyConversationID, t.CorrelationID}, {keyNotBefore, stamp(t.NotBefore)},
		{keySchedule, t.Schedule}, {keyScheduledFor, stamp(t.ScheduledFor)}, {keyBatch, t.BatchID},
	} {
		if a.value != "" {
			attributes = append(attributes, a.key.String(valid(a.value)))
		}
	}
	for _, a := range [...]struct {
		key   attribute.Key
		value int
	}{
		{keyPriority, t.Priority}, {keyBatchIndex, t.BatchIndex}, {keyBatchTotal, t.BatchTotal},
	} {
		if a.value != 0 {
			attributes = append(attributes, a.key.Int(a.value))
		}
	}
	return attributes
}

// runAttributes are what there is to tell of a run that starts at a time.
func runAttributes(t *tasks.Task, now time.Time) []attribute.KeyValue {
	attributes := append(taskAttributes(t),
		keyConsumerGroup.String(t.Queue), keyQueue.String(t.Queue), keyAttempt.Int(t.Attempt))
	if t.Redeliveries > 0 {
		attributes = append(attributes, keyRedeliveries.Int(t.Redeliveries))
	}
	started := tasks.Event{Task: t, Started: now}
	if wait, known := started.Wait(); known {
		attributes = append(attributes, keyWait.Int64(wait.Milliseconds()))
	}
	return attributes
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}
