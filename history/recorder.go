package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/tasks"
)

// Appender appends records to a stream and blocks until RabbitMQ has confirmed all of them, which an
// error leaves open. broker.Client is one.
type Appender interface {
	Append(ctx context.Context, stream string, bodies ...[]byte) error
}

// The defaults and bounds of a recorder.
const (
	DefaultInterval    = 200 * time.Millisecond
	DefaultMaxBytes    = 4 << 20
	MinMaxBytes        = 64 << 10
	DefaultRecordBytes = 64 << 10
)

// hurryShare is the part of MaxBytes that makes a flight leave before its interval has passed: what comes
// while it is confirmed has the rest. Fewer and larger appends cost a busy worker less than many small ones:
// each is a confirm to wait for, and a commit of every replica.
const hurryShare = 4

// The waits between two attempts to append.
const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 5 * time.Second
)

// Config is what a recorder is made with.
type Config struct {
	// Stream is the stream's name.
	Stream string
	// Level is how much is kept. Defaults to Outcomes.
	Level Level
	// Interval is how long an event waits for others to go with. Defaults to DefaultInterval.
	Interval time.Duration
	// MaxBytes is how much may wait to be kept, at least MinMaxBytes. Defaults to DefaultMaxBytes, which
	// is some 15,000 events.
	MaxBytes int
	// Block has Record wait where that much is waiting, which keeps handlers from starting the next task.
	// By default it drops the event instead: what is dropped is counted, logged, and told in the history
	// itself as a Gap.
	Block bool
	// Clock tells the time. Defaults to the real one.
	Clock clockwork.Clock
	// Log takes what goes wrong. Defaults to slog.Default().
	Log *slog.Logger
}

// ErrInvalidConfig is a field of a configuration that is out of its bounds, for errors.Is.
var ErrInvalidConfig = errors.New("invalid history configuration")

// ErrClosed is an event that came after the recorder was closed, for errors.Is.
var ErrClosed = errors.New("history is closed")

// ErrNotKept is an event that waits to be kept until appending works again, or was dropped and counted
// where there is no room, for errors.Is.
var ErrNotKept = errors.New("history cannot be kept for now")

// ErrLost is events that could not be kept before the recorder had to stop, for errors.Is.
var ErrLost = errors.New("events are lost")

func (c Config) withDefaults() Config {
	if c.Level == "" {
		c.Level = Outcomes
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func (c *Config) validate() error {
	if _, err := ParseLevel(string(c.Level)); err != nil {
		return fmt.Errorf("%w: Level: %w", ErrInvalidConfig, err)
	}
	switch {
	case c.Stream == "":
		return fmt.Errorf("%w: Stream: it is empty", ErrInvalidConfig)
	case c.Interval < 0:
		return fmt.Errorf("%w: Interval: %s is below 0", ErrInvalidConfig, c.Interval)
	case c.MaxBytes < MinMaxBytes:
		return fmt.Errorf("%w: MaxBytes: %d is below %d", ErrInvalidConfig, c.MaxBytes, MinMaxBytes)
	}
	return nil
}

// Recorder brings events to a stream. They wait for each other for a moment and go as one record, a
// line each; what cannot be appended is tried again until it is, and what comes meanwhile waits, up to
// a bound. An event may be kept twice, where the confirm of the first was lost. One that waits when the
// process is killed is lost without a trace, so who must not lose one calls Store.
type Recorder struct {
	to  Appender
	cfg Config

	mu     sync.Mutex
	buffer *buffer
	line   []byte        // what is being written, used again
	room   chan struct{} // closed, and made anew, when there is room again
	closed bool
	// failure is why the newest attempt to append failed, nil where it did not.
	failure error

	wake    chan struct{} // a flight may leave: it is full, or somebody waits for it
	began   chan struct{} // there is an event where there was none
	closing chan struct{}
	giveUp  context.CancelFunc
	ended   chan struct{}
	lost    int // events; under mu
	kept    uint64
	dropped uint64 // under mu, as kept
}

// New returns a recorder, whose goroutine runs until [Recorder.Close]. A field out of bounds returns an
// error that is [ErrInvalidConfig].
func New(to Appender, cfg Config) (*Recorder, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	ctx, giveUp := context.WithCancel(context.Background())
	r := &Recorder{
		to: to, cfg: cfg, buffer: newBuffer(DefaultRecordBytes, cfg.MaxBytes), room: make(chan struct{}),
		wake: make(chan struct{}, 1), began: make(chan struct{}, 1), closing: make(chan struct{}),
		giveUp: giveUp, ended: make(chan struct{}),
	}
	go func() {
		defer close(r.ended)
		r.run(ctx)
	}()
	return r, nil
}

// Record takes a task's event, as tasks.Recorder has it. It blocks only where that was configured and
// there is no room, until there is or the recorder is closed.
func (r *Recorder) Record(e tasks.Event) {
	if !r.cfg.Level.Keeps(Kind(e.Kind)) {
		return
	}
	for {
		_, full, err := r.add(&e, r.cfg.Block)
		if err != nil || full == nil {
			return // taken, or counted
		}
		select {
		case <-full:
		case <-r.closing:
		}
	}
}

// Store takes a task's event, as tasks.Recorder has it, and blocks until it is kept. The error is that
// of ctx, or [ErrClosed]. An event whose ctx ends is kept later, unless the recorder has no room for it:
// then it is dropped and counted, as Record does, with [Config.Block] too. An event that the level does
// not keep returns nil at once.
//
// While the newest attempt to append has failed Store does not wait: it takes the event as Record does,
// dropped and counted where there is no room, and returns [ErrNotKept] with the reason at once. A call
// that waits already waits on, since the next attempt may well succeed.
func (r *Recorder) Store(ctx context.Context, e tasks.Event) error {
	if !r.cfg.Level.Keeps(Kind(e.Kind)) {
		return nil
	}
	for {
		failure := r.failing()
		f, full, err := r.add(&e, failure == nil)
		if err != nil {
			return err
		}
		if failure != nil {
			return fmt.Errorf("store an event: %w: %w", ErrNotKept, failure)
		}
		wait := full
		if f != nil {
			r.hurry()
			wait = f.done
		}
		select {
		case <-wait:
			if f != nil {
				return f.err
			}
		case <-ctx.Done():
			if f == nil { // so far no flight has it
				_, _, _ = r.add(&e, false) // taken, or counted
			}
			return fmt.Errorf("store an event: %w", context.Cause(ctx))
		}
	}
}

// failing returns why the newest attempt to append failed, or nil.
func (r *Recorder) failing() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// add takes an event into the flight that leaves next, which is returned. Where there is no room it
// returns what is closed when there is, or if the event need not wait drops it.
func (r *Recorder) add(e *tasks.Event, wait bool) (f *flight, full chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		r.lost++
		r.dropped++
		r.cfg.Log.Warn("an event came after the history was closed", "event", e.Kind, "id", e.Task.ID)
		return nil, nil, ErrClosed
	}
	r.line = append(appendEvent(r.line[:0], e), '\n')
	if !r.buffer.has(len(r.line)) {
		if wait {
			return nil, r.room, nil
		}
		r.dropped++
		if r.buffer.drop(e.At, e.Worker) {
			r.cfg.Log.Warn("history cannot be kept as fast as it is made, events are dropped")
		}
		return nil, nil, nil
	}
	r.buffer.add(r.line)
	f = r.buffer.next
	if f.events == 1 {
		r.begin()
	}
	if f.bytes >= r.cfg.MaxBytes/hurryShare {
		r.hurry()
	}
	return f, nil, nil
}

// begin tells the goroutine that there is something.
func (r *Recorder) begin() {
	select {
	case r.began <- struct{}{}:
	default:
	}
}

// hurry tells the goroutine that the flight need not wait for others.
func (r *Recorder) hurry() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Close keeps what is there, and returns when that is done and the recorder's goroutine has ended, or
// soon after ctx is done: then with an error that is [ErrLost] and tells how many events were not kept
// for certain, with those that were dropped and that no gap tells of. It may be called several times.
func (r *Recorder) Close(ctx context.Context) error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.mu.Unlock()
	defer context.AfterFunc(ctx, r.giveUp)()
	<-r.ended
	r.giveUp()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost > 0 {
		return fmt.Errorf("%w: %d", ErrLost, r.lost)
	}
	return nil
}
