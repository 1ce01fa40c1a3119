package lease

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/streams"
)

// The kinds of records.
const (
	claim       = "claim"
	renewal     = "renewal"
	resignation = "resignation"
)

// The bounds of a record. What is beyond them is void: nobody has to keep in memory, nor to fold, what
// somebody else may have written there.
const (
	maxRecordBytes = 1 << 10
	maxHolderBytes = 200
	maxTerm        = 1 << 53 // what every reader of JSON can tell from the next
)

// nothing stands for an offset where there is none.
const nothing = -1

// errVoid is a record that nobody of ours can have written.
var errVoid = errors.New("void record of the lease")

// record is what a scheduler appends to the stream.
type record struct {
	Kind string `json:"kind"`
	// Term is the one that is claimed, renewed or resigned.
	Term uint64 `json:"term"`
	// Holder is the writer, unique to a start of its process.
	Holder string `json:"holder"`
	// Seen is the offset of the last accepted record that the writer knew of, or nothing.
	Seen int64 `json:"seen"`
	// Seq is the writer's own number of the record.
	Seq uint64 `json:"seq"`
	// At is when it was written by the writer's clock. It is for people and decides nothing.
	At time.Time `json:"at"`

	offset int64
}

// encode returns the body.
func (r record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode a record of the lease: %w", err)
	}
	return body, nil
}

// decode reads a record. The error is errVoid.
func decode(from streams.Record) (record, error) {
	r := record{Seen: nothing - 1}
	if len(from.Body) > maxRecordBytes {
		return r, fmt.Errorf("%w: %d bytes", errVoid, len(from.Body))
	}
	if err := json.Unmarshal(from.Body, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errVoid, err)
	}
	r.offset = int64(from.Offset)
	switch {
	case r.Kind != claim && r.Kind != renewal && r.Kind != resignation:
		return r, fmt.Errorf("%w: kind %.20q", errVoid, r.Kind)
	case r.Term < 1 || r.Term > maxTerm:
		return r, fmt.Errorf("%w: term %d", errVoid, r.Term)
	case r.Holder == "" || len(r.Holder) > maxHolderBytes:
		return r, fmt.Errorf("%w: a holder of %d bytes", errVoid, len(r.Holder))
	case r.Seen < nothing || r.Seen >= r.offset:
		return r, fmt.Errorf("%w: it has seen %d at %d", errVoid, r.Seen, r.offset)
	}
	return r, nil
}
