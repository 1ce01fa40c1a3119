package routing

import (
	"fmt"
	"strings"
	"time"
)

// The arguments of a stream, as RabbitMQ names them.
const (
	ArgMaxAge          = "x-max-age"
	ArgMaxLengthBytes  = "x-max-length-bytes"
	ArgMaxSegmentBytes = "x-stream-max-segment-size-bytes"
)

// StreamSpec is one stream to declare. RabbitMQ removes whole segments, the oldest first, never the
// newest, and looks whether there is one to remove when a segment is full: a record stays at least for
// the retention, and the smaller the segments are the less stays beyond it.
type StreamSpec struct {
	// Name begins with the prefix, as [Names.History] does.
	Name string
	// MaxAge is how long records stay at least, in whole seconds, rounded up. 0: for ever.
	MaxAge time.Duration
	// MaxBytes is how large the stream may become. 0: without a bound.
	MaxBytes int64
	// SegmentBytes is the size of a segment. 0: RabbitMQ's own default, 500 MB.
	SegmentBytes int64
}

// controlStream has no age: a pause holds until it is lifted. Whoever appends to it repeats what is in
// force every few hundred records (package control), so the newest of that is never far from the end.
// It is small, since everyone reads it from its first record.
func controlStream(n Names) StreamSpec {
	return StreamSpec{Name: n.Control(), MaxBytes: 8 << 20, SegmentBytes: 1 << 20}
}

// LeaseStream is the stream of the schedulers' lease ([Names.Lease]). A scheduler reads all of it before
// it may stand for election, so it is small, and some two records a second go round in it: of at most
// 1 MiB and a segment some thousands are left. It has no age, since only the newest count.
func LeaseStream(n Names) StreamSpec {
	return StreamSpec{Name: n.Lease(), MaxBytes: 1 << 20, SegmentBytes: 256 << 10}
}

// ScheduleStream is the stream of the scheduler's ledger ([Names.Schedule]). It has no age: what is
// known of an entry that fires once a year is repeated in snapshots, and those go with the bytes.
func ScheduleStream(n Names) StreamSpec {
	return StreamSpec{Name: n.Schedule(), MaxBytes: 64 << 20, SegmentBytes: 4 << 20}
}

// validateStreams checks the streams of a configuration.
func (s Spec) validateStreams() error {
	seen := map[string]bool{s.Names.Control(): true}
	for _, stream := range s.Streams {
		switch {
		case !strings.HasPrefix(stream.Name, s.Names.with("")):
			return fmt.Errorf("stream %q: %w: the name does not begin with %q", stream.Name, ErrInvalidStream, s.Names.with(""))
		case seen[stream.Name]:
			return fmt.Errorf("stream %q: %w", stream.Name, ErrDuplicate)
		case stream.MaxAge < 0 || stream.MaxBytes < 0 || stream.SegmentBytes < 0:
			return fmt.Errorf("stream %q: %w: a retention below 0", stream.Name, ErrInvalidStream)
		}
		seen[stream.Name] = true
	}
	return nil
}

// stream adds a stream.
func (t *Topology) stream(s StreamSpec) {
	args := Arguments{ArgQueueType: string(Stream)}
	if s.MaxAge > 0 {
		args[ArgMaxAge] = fmt.Sprintf("%ds", (s.MaxAge+time.Second-1)/time.Second)
	}
	if s.MaxBytes > 0 {
		args[ArgMaxLengthBytes] = s.MaxBytes
	}
	if s.SegmentBytes > 0 {
		args[ArgMaxSegmentBytes] = s.SegmentBytes
	}
	t.Streams = append(t.Streams, Queue{Name: s.Name, Role: RoleStream, Type: Stream, Arguments: args})
}

// Retention reports whether a queue argument says how much a stream keeps. An existing stream's own is
// as good as what is asked for.
func Retention(argument string) bool {
	return argument == ArgMaxAge || argument == ArgMaxLengthBytes || argument == ArgMaxSegmentBytes
}
