package tasks

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// The bounds of a task's fields.
const (
	// MinPriority and MaxPriority bound a task's priority; the highest is served first.
	MinPriority = 1
	MaxPriority = 9
	// DefaultPriority is what a task without a priority counts as.
	DefaultPriority = 4
	// MaxMaxAttempts bounds the number of attempts that a task may ask for.
	MaxMaxAttempts = 100
	// MaxTimeout bounds the time that a task may ask for.
	MaxTimeout = 30 * 24 * time.Hour
	// MaxIDBytes bounds a task's ID: AMQP's message_id is a short string.
	MaxIDBytes = 255
)

// DefaultContentType is what a payload without a content type counts as.
const DefaultContentType = "application/json"

// Task is one unit of work: a payload under a routing key, and how it is to be run. The zero value
// of a field means that the wire does not carry it and its default holds.
type Task struct {
	// ID is the message_id: a UUIDv7 from our clients, any text of at most MaxIDBytes from others.
	// A work is (queue, ID): two queues that want one key run two works with one ID.
	ID string
	// Key is the routing key that the task was first published under: its name and address.
	Key string
	// Payload is the body as the producer wrote it; ContentType says what it is.
	Payload         []byte
	ContentType     string // Defaults to DefaultContentType.
	ContentEncoding string
	// Priority is MinPriority..MaxPriority, the highest first. Defaults to DefaultPriority.
	Priority int

	// EnqueuedAt is when the task was first published, to the millisecond; the zero time where the
	// wire does not tell.
	EnqueuedAt time.Time
	// NotBefore is the earliest time that the task is run. The zero time: at once.
	NotBefore time.Time
	// ExpiresAt is the time from which the task is dead-lettered instead of started. The zero time:
	// never.
	ExpiresAt time.Time

	// Attempt is the 1-based count of the start that this delivery is for.
	Attempt int
	// MaxAttempts overrides the queue's: 1..MaxMaxAttempts, 0 for the queue's.
	MaxAttempts int
	// Timeout overrides the queue's: at least 1 ms, at most MaxTimeout, 0 for the queue's.
	Timeout time.Duration

	// Schedule and ScheduledFor are the schedule entry that emitted the task and its fire time.
	Schedule     string
	ScheduledFor time.Time

	// BatchID names the batch that the task is a part of, in at most MaxIDBytes bytes. BatchIndex is its
	// place in it, from 1, and BatchTotal how many tasks the batch has. All three or none are set.
	BatchID    string
	BatchIndex int
	BatchTotal int

	// CorrelationID, ReplyTo, Type, AppID and UserID are AMQP's properties.
	CorrelationID string
	ReplyTo       string
	Type          string
	AppID         string
	UserID        string
	// TraceParent and TraceState are the W3C trace context.
	TraceParent string
	TraceState  string

	// KeyID names the key that the payload is encrypted with, in at most MaxIDBytes bytes; empty where
	// the payload is in clear.
	KeyID string

	// Headers are the foreign headers; a publisher may not begin one with HeaderPrefix. In a delivered
	// task those of Warren's own that no field stands for are here too.
	Headers map[string]any

	// What follows is Warren's own account of the work; a publisher leaves it zero.

	// Queue is the queue that the task was delivered from.
	Queue string
	// Settlement counts the republishes of this work.
	Settlement int
	// Redeliveries counts the deliveries of this work that ended without a settlement since a handler
	// last came back from it: what the wire carries, and the queue's own count where it keeps one.
	Redeliveries int
	// EnqueuedBy is what the wire says the user_id of the first publisher was. Anybody may write that:
	// By is to be asked.
	EnqueuedBy string
	// By is who enqueued the task, as far as the worker knows.
	By Identity
	// Errors are the errors of earlier attempts, the oldest first, at most MaxErrors.
	Errors []string
	// PreviousAttempt is the W3C traceparent of the span that the work was run under before, empty where
	// it was not, or nobody traced that.
	PreviousAttempt string

	match match // what Mux.Match has found
}

// Enqueuer publishes a task and returns its ID. broker.Client is one.
type Enqueuer interface {
	Enqueue(ctx context.Context, task Task) (id string, err error)
}

// NewID returns a new task ID, a UUIDv7.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// IDTime returns the time that a UUIDv7 carries, to the millisecond. The second result is false
// where the text is not a UUIDv7.
func IDTime(id string) (time.Time, bool) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 {
		return time.Time{}, false
	}
	millis := binary.BigEndian.Uint64(parsed[:8]) >> 16
	return time.UnixMilli(int64(millis)), true
}

// EffectivePriority is the task's priority within its bounds, DefaultPriority where it has none.
func (t *Task) EffectivePriority() int {
	if t.Priority == 0 {
		return DefaultPriority
	}
	return min(max(t.Priority, MinPriority), MaxPriority)
}

// validate checks the fields that a publisher sets.
func (t *Task) validate() error {
	switch {
	case len(t.ID) > MaxIDBytes:
		return invalid("id", "%d bytes, at most %d", len(t.ID), MaxIDBytes)
	case t.Priority != 0 && (t.Priority < MinPriority || t.Priority > MaxPriority):
		return invalid("priority", "%d is not within %d..%d", t.Priority, MinPriority, MaxPriority)
	case t.MaxAttempts < 0 || t.MaxAttempts > MaxMaxAttempts:
		return invalid("max attempts", "%d is not within 1..%d", t.MaxAttempts, MaxMaxAttempts)
	case t.Timeout < 0 || t.Timeout > MaxTimeout || t.Timeout != 0 && t.Timeout < time.Millisecond:
		return invalid("timeout", "%s is not within 1ms..%s", t.Timeout, MaxTimeout)
	}
	for _, f := range [...]struct {
		name string
		at   *time.Time
	}{
		{"enqueued at", &t.EnqueuedAt}, {"not before", &t.NotBefore}, {"expires at", &t.ExpiresAt},
		{"scheduled for", &t.ScheduledFor},
	} {
		if seconds := f.at.Unix(); !f.at.IsZero() && (seconds < 0 || seconds > endOfTime) {
			return invalid(f.name, "%d s since 1970 is not within 0..%d", seconds, int64(endOfTime))
		}
	}
	for _, f := range [...]struct {
		name  string
		count int
	}{
		{"attempt", t.Attempt}, {"settlement", t.Settlement}, {"redeliveries", t.Redeliveries},
		{"batch index", t.BatchIndex}, {"batch total", t.BatchTotal},
	} {
		if f.count < 0 || f.count > math.MaxInt32 {
			return invalid(f.name, "%d is not within 0..%d", f.count, math.MaxInt32)
		}
	}
	for _, f := range [...]struct{ name, value string }{
		{"content type", t.ContentType}, {"content encoding", t.ContentEncoding}, {"correlation id", t.CorrelationID},
		{"reply to", t.ReplyTo}, {"type", t.Type}, {"app id", t.AppID}, {"user id", t.UserID},
		{"batch id", t.BatchID}, {"key id", t.KeyID},
	} {
		if len(f.value) > MaxIDBytes {
			return invalid(f.name, "%d bytes, at most %d", len(f.value), MaxIDBytes)
		}
	}
	if t.BatchIndex > t.BatchTotal || (t.BatchID == "") != (t.BatchTotal == 0) || (t.BatchIndex == 0) != (t.BatchTotal == 0) {
		return invalid("batch", "ID %q, index %d, total %d: there is an ID and an index within 1..total, or nothing",
			t.BatchID, t.BatchIndex, t.BatchTotal)
	}
	for name := range t.Headers {
		if reservedHeader(name) {
			return invalid("header "+name, "the name is Warren's own")
		}
		if len(name) > MaxIDBytes {
			return invalid(fmt.Sprintf("header %.40s…", name), "a name of %d bytes, at most %d", len(name), MaxIDBytes)
		}
	}
	return nil
}
