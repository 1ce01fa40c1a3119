package history

import "time"

// flight is the events that go to the stream together, and what becomes of them.
type flight struct {
	bodies [][]byte      // JSON lines, each of them a record
	bytes  int           // in all
	events int           // in all, with those that its gap counts
	lines  int           // events of its own, its gap not among them
	done   chan struct{} // closed once they are kept, or given up
	err    error         // set before done is closed
}

// buffer collects lines into the flight that is to leave next. It is not safe for use by several
// goroutines.
type buffer struct {
	recordBytes int
	max         int
	next        *flight
	under       int // bytes of the flight that has left and has not come back
	underway    int // and its lines

	dropped   int // events since the last gap that was told
	droppedAt time.Time
	droppedBy string // the worker
}

// firstBytes is what the first record of a flight is made for: most are the only one.
const firstBytes = 4 << 10

func newFlight() *flight { return &flight{done: make(chan struct{})} }

func newBuffer(recordBytes, maxBytes int) *buffer {
	return &buffer{recordBytes: recordBytes, max: maxBytes, next: newFlight()}
}

// has reports whether there is room for a line: there always is for one, however long.
func (b *buffer) has(size int) bool {
	held := b.under + b.next.bytes
	return held == 0 || held+size <= b.max
}

// add appends a line to the record that is being filled, or begins another.
func (b *buffer) add(line []byte) {
	f := b.next
	last := len(f.bodies) - 1
	if last < 0 || len(f.bodies[last])+len(line) > b.recordBytes {
		size := b.recordBytes
		if last < 0 {
			size = firstBytes
		}
		f.bodies = append(f.bodies, make([]byte, 0, max(len(line), size)))
		last++
	}
	f.bodies[last] = append(f.bodies[last], line...)
	f.bytes += len(line)
	f.events++
	f.lines++
}

// drop counts an event that there is no room for.
func (b *buffer) drop(at time.Time, worker string) (first bool) {
	first = b.dropped == 0
	if first {
		b.droppedAt, b.droppedBy = at, worker
	}
	b.dropped++
	return first
}

// depart returns the flight that is to leave, and begins another.
func (b *buffer) depart() *flight {
	f := b.next
	b.next, b.under, b.underway = newFlight(), f.bytes, f.lines
	return f
}
