package streams

import "time"

// Record is one entry of a stream.
type Record struct {
	// Offset is its number. Those of a stream ascend; not every number has a record to show.
	Offset uint64
	// Time is when its producer says that it was written, in whole seconds; zero where it does not.
	Time time.Time
	// User is the account that appended it, which RabbitMQ has validated; empty where none was given.
	User string
	// Headers are its headers: strings, numbers and booleans. RabbitMQ keeps no tables and arrays in a
	// stream.
	Headers map[string]any
	// Body is what was appended. It is the receiver's to keep.
	Body []byte
}

// HeaderMarker is the header of a record that says nothing but that its reader has come this far: its
// body is empty, the header's value is the reader's own. Every reader skips those of others.
const HeaderMarker = "warren-marker"
