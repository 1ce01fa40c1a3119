package tasks

import (
	"fmt"
	"slices"
	"time"
)

// The bounds of what a failure leaves in headers: a message's headers must fit one frame.
const (
	// MaxErrorBytes bounds warren-error.
	MaxErrorBytes = 2048
	// MaxErrors is how many attempts warren-errors remembers, the newest.
	MaxErrors = 10
	// MaxErrorsItemBytes bounds each of them.
	MaxErrorsItemBytes = 200
)

// Failure is what there is to tell of a failed attempt.
type Failure struct {
	// Err is the attempt's error.
	Err error
	// At is when it failed.
	At time.Time
	// Worker is the name of the worker that ran it.
	Worker string
}

// Republish returns a delivered message made ready to be published again: payload, properties,
// priority and foreign headers stay as they are, but for what would bite (docs/wire.md):
//
//   - x-death and its kin, CC and BCC are stripped: RabbitMQ drops what it takes for a cycle, and CC
//     fans out anew;
//   - x-delivery-count and x-acquired-count, which a queue adds on delivery and which would be stale,
//     are stripped too, and warren-redeliveries is the task's count, which has taken them in;
//   - user_id, which the broker validates against the connection, becomes warren-enqueued-by, and
//     self, the user of our own connection, takes its place. An existing warren-enqueued-by stands
//     only where the message's user_id was self: anybody else may have forged it;
//   - expiration, which would cut ladder levels short, becomes warren-expires-at;
//   - a missing message_id is filled in (UUIDv7), a missing priority is DefaultPriority, the
//     original key goes into warren-routing-key, and warren-settlement is raised.
//
// t is the task that [Decode] read from m. The exchange and the routing key are left to the caller.
func Republish(m Message, t *Task, self string) Message {
	headers := make(map[string]any, len(m.Headers)+8)
	for name, value := range m.Headers {
		if !brokerHeader(name) && name != "CC" && name != "BCC" { // in this case only: "cc" is a foreign header like any
			headers[name] = value
		}
	}
	m.Headers = headers
	m.Exchange, m.RoutingKey = "", ""
	if m.MessageID == "" {
		m.MessageID = NewID()
	}
	if m.Priority == 0 {
		m.Priority = DefaultPriority
	}
	if m.Expiration != "" {
		m.Expiration = ""
		if !t.ExpiresAt.IsZero() {
			headers[HeaderExpiresAt] = t.ExpiresAt.UnixMilli()
		}
	}
	if m.UserID == "" || m.UserID != self {
		delete(headers, HeaderEnqueuedBy)
	}
	_, known := headers[HeaderEnqueuedBy]
	if first := m.UserID != self || t.Settlement == 0; first && !known && m.UserID != "" {
		headers[HeaderEnqueuedBy] = m.UserID
	}
	m.UserID = self
	if t.Redeliveries > 0 {
		headers[HeaderRedeliveries] = int64(t.Redeliveries)
	}
	headers[HeaderRoutingKey] = t.Key
	headers[HeaderSettlement] = int64(t.Settlement) + 1
	return m
}

// RetryMessage returns the republishing of a work for its next start, no earlier than notBefore
// (the zero time: at once). Where f is given it was a failed attempt, and the next one is counted;
// without it the start did not count. Either way somebody came back from the work alive, and the
// count of its redeliveries begins anew.
func RetryMessage(m Message, t *Task, self string, notBefore time.Time, f *Failure) Message {
	m = Republish(m, t, self)
	delete(m.Headers, HeaderRedeliveries)
	delete(m.Headers, HeaderNotBefore)
	if !notBefore.IsZero() {
		m.Headers[HeaderNotBefore] = ceilMillis(notBefore)
	}
	if f != nil {
		m.Headers[HeaderAttempt] = int64(t.Attempt) + 1
		m.Headers[HeaderErrors] = failures(t, f)
	}
	return m
}

// RedeliveredMessage returns the republishing of a work that was delivered again and is not run on
// this delivery, so that the count of its redeliveries, t.Redeliveries, survives the next crash also
// where the queue keeps none. It starts no earlier than notBefore (the zero time: than the message
// says), under the same attempt.
func RedeliveredMessage(m Message, t *Task, self string, notBefore time.Time) Message {
	m = Republish(m, t, self)
	if !notBefore.IsZero() {
		m.Headers[HeaderNotBefore] = ceilMillis(notBefore)
	}
	return m
}

// DeadMessage returns the dead letter of a work. Where counted, the failure was an attempt's and
// joins warren-errors.
func DeadMessage(m Message, t *Task, self string, reason Reason, f Failure, counted bool) Message {
	m = Republish(m, t, self)
	m.Headers[HeaderDeadReason] = string(reason)
	m.Headers[HeaderError] = ErrorText(f.Err, MaxErrorBytes)
	m.Headers[HeaderFailedAt] = f.At.UTC().Format(time.RFC3339)
	m.Headers[HeaderQueue] = t.Queue
	m.Headers[HeaderWorker] = f.Worker
	if counted {
		m.Headers[HeaderErrors] = failures(t, &f)
	}
	return m
}

// Traced returns a retry or a dead letter that tells whoever runs the work next of the span that it was
// run under this time: the decision's TraceParent. Where there is none, what the message tells of an
// earlier run stays.
func Traced(m Message, d Decision) Message {
	if d.TraceParent != "" {
		m = m.Clone()
		m.SetHeader(HeaderPreviousAttempt, d.TraceParent)
	}
	return m
}

// failures returns warren-errors with one more.
func failures(t *Task, f *Failure) []any {
	front := fmt.Sprintf("#%d %s %s: ", t.Attempt, f.At.UTC().Format(time.RFC3339), f.Worker)
	line := errorText(front, f.Err, MaxErrorsItemBytes)
	return errorList(trimErrors(append(slices.Clone(t.Errors), line)))
}

// trimErrors keeps the newest errors, each within its bound, in the slice that it is given.
func trimErrors(texts []string) []string {
	texts = texts[max(0, len(texts)-MaxErrors):]
	for i, text := range texts {
		texts[i] = Cut(text, MaxErrorsItemBytes)
	}
	return texts
}
