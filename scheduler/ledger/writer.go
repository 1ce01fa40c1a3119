package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/streams"
)

// Stream appends to a stream and reads it; broker.Client is one. Append blocks until the records are
// confirmed; its errors leave open whether they were appended.
type Stream interface {
	Append(ctx context.Context, stream string, records ...[]byte) error
	ReadStream(ctx context.Context, stream string, from streams.Offset, each func(streams.Record) error) error
}

// Config is what a Writer is made with.
type Config struct {
	// Stream is the name of the ledger's stream.
	Stream string
	// Term is the number of the writer's term as leader, at least 1.
	Term uint64
	// Scheduler is the name of the leader, at most 255 bytes.
	Scheduler string
	// Clock defaults to the machine's.
	Clock clockwork.Clock
	// Log takes warnings of snapshots that could not be written. Defaults to slog.Default.
	Log *slog.Logger
}

// ErrInvalidConfig is a Config that no Writer can be made with, for errors.Is.
var ErrInvalidConfig = errors.New("invalid ledger config")

// Writer writes the ledger of one term, and keeps the state up to date. It writes snapshots by itself,
// within the calls that find one due: the first tick of the term, after as much as a few snapshots weigh,
// and after ten minutes. It has no goroutines, and all its methods may be called from several.
//
// A record that was applied to the state is in the stream. Whether one of a call that failed is, nobody
// knows; all calls may be made again, and what is then in the stream twice counts once.
type Writer struct {
	stream Stream
	cfg    Config

	knowing   sync.Mutex       // held by whoever tells of sights: Know, Restart and who reads back; it guards what follows
	knows     bool             // Know has succeeded
	overruled map[string]Entry // of the configuration's entries those to repeat, as the writer has them
	snapshots

	mu       sync.Mutex
	state    *State
	readFrom *uint64 // what records name
	weight   int     // bytes appended since readFrom was set, those that Load has read included
}

// NewWriter returns the writer of a term that begins. The state, as [Load] returned it within the term,
// is the writer's from then on. [Writer.Know] is to be called before anything else. An error is
// [ErrInvalidConfig].
func NewWriter(state *State, stream Stream, cfg Config) (*Writer, error) {
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	switch {
	case cfg.Stream == "":
		return nil, fmt.Errorf("%w: Stream is empty", ErrInvalidConfig)
	case cfg.Term < 1:
		return nil, fmt.Errorf("%w: Term is 0", ErrInvalidConfig)
	}
	if err := checkText("Scheduler", cfg.Scheduler, 0, maxTextBytes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	return &Writer{stream: stream, cfg: cfg, state: state, weight: state.weight}, nil
}

// Tick is a task that was emitted and confirmed.
type Tick struct {
	// Entry is the entry's identity, Name what it is called.
	Entry, Name string
	// ScheduledFor is the fire time, in the entry's zone.
	ScheduledFor time.Time
	// ID is the task's, Key its routing key.
	ID, Key string
	// Late is how much later than its fire time it was emitted; below 0 counts as 0.
	Late time.Duration
	// CaughtUp says that the tick had been missed.
	CaughtUp bool
}

// Tick appends a tick, blocks until that is confirmed, and settles it. It may block for some seconds
// more, where it writes a snapshot. The error is [ErrInvalidRecord] or the stream's, and the tick is not
// settled then.
func (w *Writer) Tick(ctx context.Context, t Tick) error {
	return w.write(ctx, "tick", Record{
		Kind: KindTick, Entry: t.Entry, Name: t.Name, ScheduledFor: t.ScheduledFor.Round(0), ID: t.ID, Key: t.Key,
		LateMS: max(0, t.Late).Milliseconds(), CaughtUp: t.CaughtUp,
	})
}

// Skip are fire times that will not be emitted.
type Skip struct {
	// Entry is the entry's identity, Name what it is called.
	Entry, Name string
	// From and To are the first and the last of them, in the entry's zone.
	From, To time.Time
	// Ticks is how many they are, at least 1; so many at least where AtLeast is set.
	Ticks   int
	AtLeast bool
	// Reason is why: one of the reasons above, or another text of at most 255 bytes.
	Reason Reason
}

// Skip appends that ticks are skipped, and settles them; like [Writer.Tick].
func (w *Writer) Skip(ctx context.Context, s Skip) error {
	return w.write(ctx, "skip", Record{
		Kind: KindSkipped, Entry: s.Entry, Name: s.Name, From: s.From.Round(0), To: s.To.Round(0),
		Ticks: s.Ticks, AtLeast: s.AtLeast, Reason: s.Reason,
	})
}

func (w *Writer) write(ctx context.Context, what string, r Record) error {
	r.At = w.now()
	if e, found := w.Entry(r.Entry); found {
		r.Epoch = e.Epoch
	}
	if err := w.append(ctx, r); err != nil {
		return fmt.Errorf("%s of %s: %w", what, r.Name, err)
	}
	w.snapshotIfDue(ctx)
	return nil
}

// append appends records as the writer's and adds them to the state.
func (w *Writer) append(ctx context.Context, records ...Record) error {
	w.mu.Lock()
	readFrom := w.readFrom
	w.mu.Unlock()
	lines := make([][]byte, len(records))
	weight := 0
	for i := range records {
		r := &records[i]
		r.Term, r.Scheduler, r.ReadFrom = w.cfg.Term, w.cfg.Scheduler, readFrom
		var err error
		if lines[i], err = r.Encode(); err != nil {
			return err
		}
		weight += len(lines[i])
	}
	if err := w.stream.Append(ctx, w.cfg.Stream, lines...); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weight += weight
	for _, r := range records {
		w.state.add(r)
	}
	return nil
}

// now is the time as records have it.
func (w *Writer) now() time.Time { return w.cfg.Clock.Now().UTC().Truncate(time.Microsecond) }

// Entry returns what is known of an entry, by its identity.
func (w *Writer) Entry(identity string) (Entry, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Entry(identity)
}

// Position returns the time up to which everything is settled of an entry that is known.
func (w *Writer) Position(identity string) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Position(identity)
}
