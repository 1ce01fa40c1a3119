package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// Kind is what a record says.
type Kind string

// The kinds of records. Others are passed over: a later version may know more.
const (
	Revoke   Kind = "revoke"
	Pause    Kind = "pause"
	Resume   Kind = "resume"
	Snapshot Kind = "snapshot"
)

// Record is one line of the control stream.
type Record struct {
	Kind Kind `json:"kind"`
	// ID is the task's that is revoked.
	ID string `json:"id,omitempty"`
	// Queue is what is paused or resumed.
	Queue string `json:"queue,omitempty"`
	// By is who wants it: the account that RabbitMQ has validated, else empty; in those that a snapshot
	// repeats, what its writer says of it.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
	// Reason is why, in the operator's words.
	Reason string `json:"reason,omitempty"`
	// Offset is where the record was first appended. Only in those that a snapshot repeats.
	Offset uint64 `json:"offset,omitempty"`
	// UpTo is the newest record that a snapshot knows of: what is older and not in it is not in force.
	UpTo uint64 `json:"up_to,omitempty"`
	// InForce are the records that a snapshot repeats: pauses and revocations.
	InForce []Record `json:"in_force,omitempty"`
}

// MaxReasonBytes is the length of a reason; what is longer is refused.
const MaxReasonBytes = 1024

// The lengths of a message ID and of a queue's name, which are AMQP's own bounds.
const (
	maxIDBytes    = 255
	maxQueueBytes = 255
)

// ErrInvalidRecord is a record that says nothing that can be done, for errors.Is.
var ErrInvalidRecord = errors.New("invalid control record")

// Validate reports what is wrong with a record, as an [ErrInvalidRecord]. Unknown kinds are not.
func (r *Record) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrInvalidRecord, r.Kind, fmt.Sprintf(format, args...))
	}
	switch {
	case r.Kind == Revoke && (r.ID == "" || len(r.ID) > maxIDBytes):
		return fail("an ID of %d bytes, it has 1..%d", len(r.ID), maxIDBytes)
	case r.Kind == Revoke && r.At.IsZero():
		return fail("no time: it would have lapsed")
	case (r.Kind == Pause || r.Kind == Resume) && (r.Queue == "" || len(r.Queue) > maxQueueBytes):
		return fail("a queue's name of %d bytes, it has 1..%d", len(r.Queue), maxQueueBytes)
	case len(r.Reason) > MaxReasonBytes:
		return fail("a reason of %d bytes, at most %d", len(r.Reason), MaxReasonBytes)
	}
	return nil
}

// Encode returns the record as it is appended: one line of JSON.
func (r *Record) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRecord, err)
	}
	return line, nil
}

// Decode reads a record of the stream. What cannot be read is [ErrInvalidRecord], and so is a worker's
// reply, which has the worker's name and the words of whoever enqueued the task to be answered here.
func Decode(entry streams.Record) (Record, error) {
	if _, reply := entry.Headers[tasks.HeaderStatus]; reply {
		return Record{}, fmt.Errorf("%w at offset %d: a worker's reply", ErrInvalidRecord, entry.Offset)
	}
	var r Record
	if err := json.Unmarshal(entry.Body, &r); err != nil {
		return Record{}, fmt.Errorf("%w at offset %d: %w", ErrInvalidRecord, entry.Offset, err)
	}
	if err := r.Validate(); err != nil {
		return Record{}, fmt.Errorf("at offset %d: %w", entry.Offset, err)
	}
	r.By, r.Offset = entry.User, entry.Offset
	return r, nil
}

// Err is a revocation as the error that ends its task, which is tasks.ErrRevoked.
func (r *Record) Err() error { return revocation(*r) }

// revocation is made an error's text only when that is asked for.
type revocation Record

func (r revocation) Error() string {
	text := tasks.ErrRevoked.Error()
	if r.By != "" {
		text += " by " + r.By
	}
	text += " at " + r.At.UTC().Format(time.RFC3339)
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text
}

func (revocation) Unwrap() error { return tasks.ErrRevoked }
