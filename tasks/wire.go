package tasks

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
)

// field is one header of the wire format: how it is read into a task and written from it. write
// returns nil where the task does not carry it.
type field struct {
	header string
	read   func(*Task, any) error
	write  func(*Task) any
}

// fields is the wire table of headers, both ways.
var fields = []field{
	intField(HeaderAttempt, 1, math.MaxInt32, func(t *Task) *int { return &t.Attempt }),
	intField(HeaderMaxAttempts, 1, MaxMaxAttempts, func(t *Task) *int { return &t.MaxAttempts }),
	intField(HeaderSettlement, 0, math.MaxInt32, func(t *Task) *int { return &t.Settlement }),
	intField(HeaderRedeliveries, 0, math.MaxInt32, func(t *Task) *int { return &t.Redeliveries }),
	intField(HeaderBatchIndex, 1, math.MaxInt32, func(t *Task) *int { return &t.BatchIndex }),
	intField(HeaderBatchTotal, 1, math.MaxInt32, func(t *Task) *int { return &t.BatchTotal }),
	{HeaderTimeout, readTimeout, writeTimeout},
	millisField(HeaderEnqueuedAt, time.Time.UnixMilli, func(t *Task) *time.Time { return &t.EnqueuedAt }),
	millisField(HeaderNotBefore, ceilMillis, func(t *Task) *time.Time { return &t.NotBefore }),
	millisField(HeaderExpiresAt, time.Time.UnixMilli, func(t *Task) *time.Time { return &t.ExpiresAt }),
	textField(HeaderRoutingKey, func(t *Task) *string { return &t.Key }),
	textField(HeaderSchedule, func(t *Task) *string { return &t.Schedule }),
	textField(HeaderEnqueuedBy, func(t *Task) *string { return &t.EnqueuedBy }),
	textField(HeaderBatchID, func(t *Task) *string { return &t.BatchID }),
	textField(HeaderKeyID, func(t *Task) *string { return &t.KeyID }),
	traceField(HeaderTraceParent, func(t *Task) *string { return &t.TraceParent }),
	traceField(HeaderTraceState, func(t *Task) *string { return &t.TraceState }),
	traceField(HeaderPreviousAttempt, func(t *Task) *string { return &t.PreviousAttempt }),
	{HeaderScheduledFor, readScheduledFor, writeScheduledFor},
	{HeaderErrors, readErrors, writeErrors},
}

var fieldsByHeader = func() map[string]field {
	byHeader := make(map[string]field, len(fields))
	for _, f := range fields {
		byHeader[f.header] = f
	}
	return byHeader
}()

// Encode returns the message that a new task is published as; the exchange is left to the caller.
// It fills in the ID (a UUIDv7) and the enqueue time (now) where the task has none. A field out of
// bounds returns an error that is [ErrInvalidTask] or routing.ErrInvalidKey.
func Encode(t Task, now time.Time) (Message, error) {
	if err := routing.ValidateKey(t.Key); err != nil {
		return Message{}, err
	}
	if err := t.validate(); err != nil {
		return Message{}, err
	}
	if t.ID == "" {
		t.ID = NewID()
	}
	if t.EnqueuedAt.IsZero() {
		t.EnqueuedAt = now
	}
	m := Message{
		RoutingKey: t.Key, MessageID: t.ID, Body: t.Payload,
		ContentType: t.ContentType, ContentEncoding: t.ContentEncoding,
		Priority:      uint8(t.EffectivePriority()),
		CorrelationID: t.CorrelationID, ReplyTo: t.ReplyTo, Type: t.Type, AppID: t.AppID, UserID: t.UserID,
		Timestamp: t.EnqueuedAt.Truncate(time.Second),
		Headers:   maps.Clone(t.Headers),
	}
	if m.ContentType == "" {
		m.ContentType = DefaultContentType
	}
	t.Key = "" // the message's own key until it is republished
	if t.Attempt == 1 {
		t.Attempt = 0
	}
	if at, ok := IDTime(t.ID); ok && at.Equal(t.EnqueuedAt.Truncate(time.Millisecond)) {
		t.EnqueuedAt = time.Time{} // the ID says it
	}
	for _, f := range fields {
		if value := f.write(&t); value != nil {
			m.SetHeader(f.header, value)
		}
	}
	return m, nil
}

// Decode reads a message that was delivered from a queue as a task. It is tolerant: numbers may
// come as any integer type, as integral floats or as decimal text, texts as strings or bytes, a
// void counts as absent, a trace context that is no text is ignored, and what is not Warren's is kept
// in Headers. The queue's own count of deliveries, if it keeps one, is added to Redeliveries. A
// header of Warren's own that cannot be read returns a [*MalformedError] beside a task in which the
// rest is filled, so that it can be dead-lettered with its ID and key. It never panics, whatever the
// message holds.
func Decode(m Message, queue string, now time.Time) (Task, error) {
	t := Task{
		ID: m.MessageID, Key: m.RoutingKey, Payload: m.Body, Attempt: 1, Queue: queue,
		ContentType: m.ContentType, ContentEncoding: m.ContentEncoding, Priority: int(m.Priority),
		CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, Type: m.Type, AppID: m.AppID, UserID: m.UserID,
	}
	if t.ContentType == "" {
		t.ContentType = DefaultContentType
	}
	if key, ok := routing.OriginalKey(m.RoutingKey); ok {
		t.Key = key
	}
	var malformed []*MalformedError
	for name, value := range m.Headers {
		f, known := fieldsByHeader[name]
		switch {
		case known && value == nil: // a table's void, as Python's None: absent
		case known:
			if err := f.read(&t, value); err != nil {
				malformed = append(malformed, &MalformedError{Field: "header " + name, Err: err})
			}
		case !brokerHeader(name):
			if t.Headers == nil {
				t.Headers = make(map[string]any, len(m.Headers))
			}
			t.Headers[name] = value
		}
	}
	t.Redeliveries = int(min(int64(t.Redeliveries)+deliveryCount(m.Headers), math.MaxInt32))
	if t.EnqueuedAt.IsZero() {
		t.EnqueuedAt = publishedAt(m)
	}
	if err := readExpiration(&t, m.Expiration, now); err != nil {
		malformed = append(malformed, &MalformedError{Field: "property expiration", Err: err})
	}
	return t, joined(malformed)
}

// joined returns the errors as one, in the order of their fields: a table has none.
func joined(malformed []*MalformedError) error {
	slices.SortFunc(malformed, func(a, b *MalformedError) int { return cmp.Compare(a.Field, b.Field) })
	errs := make([]error, len(malformed))
	for i, err := range malformed {
		errs[i] = err
	}
	return errors.Join(errs...)
}

// publishedAt returns the time that the message_id, a UUIDv7, or else the timestamp tells. One that
// cannot be meant, such as a timestamp of 0 or in the wrong unit, is none.
func publishedAt(m Message) time.Time {
	at := m.Timestamp
	if stamp, ok := IDTime(m.MessageID); ok {
		at = stamp
	}
	if seconds := at.Unix(); seconds <= 0 || seconds > maxUnixSeconds {
		return time.Time{}
	}
	return at
}

// deliveryCount returns the queue's own count of how often the message came back. What cannot be
// read as one is none: the header is not Warren's.
func deliveryCount(headers map[string]any) int64 {
	count, counted := headers[headerDeliveryCount]
	if !counted {
		return 0 // as nearly always
	}
	n, err := readInt(count, 0, math.MaxInt32)
	if err != nil {
		return 0
	}
	return n
}

// readExpiration turns AMQP's expiration, which counts from when the message entered its queue,
// into a time; the enqueue time is the nearest that the wire tells.
func readExpiration(t *Task, expiration string, now time.Time) error {
	if expiration == "" {
		return nil
	}
	millis, err := parseInt(expiration, 0, maxExpirationMillis)
	if err != nil {
		return err
	}
	from := now
	if !t.EnqueuedAt.IsZero() && t.EnqueuedAt.Before(now) {
		from = t.EnqueuedAt
	}
	at := from.Add(time.Duration(millis) * time.Millisecond)
	if t.ExpiresAt.IsZero() || at.Before(t.ExpiresAt) {
		t.ExpiresAt = at
	}
	return nil
}

// reservedHeader reports whether a publisher may not set a header itself.
func reservedHeader(name string) bool {
	_, known := fieldsByHeader[name]
	return known || strings.HasPrefix(name, HeaderPrefix) || brokerHeader(name)
}

// brokerHeader reports whether a header is one that RabbitMQ adds: when it dead-letters, and when a
// quorum queue gives a message out again.
func brokerHeader(name string) bool {
	return strings.HasPrefix(name, "x-death") ||
		strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-") ||
		name == headerDeliveryCount || name == headerAcquiredCount
}
