package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/streams"
)

// The default and the bounds of the lease.
const (
	DefaultLease = 2 * time.Second
	MinLease     = 200 * time.Millisecond
	MaxLease     = time.Minute
)

var (
	// ErrInvalidConfig is a field of a configuration that is out of its bounds, for errors.Is.
	ErrInvalidConfig = errors.New("invalid lease configuration")
	// ErrLost is a term that has ended, for errors.Is; the error says how.
	ErrLost = errors.New("the lease is lost")
	// ErrNotLeading is what IsLeader returns where another leads, or nobody, for errors.Is.
	ErrNotLeading = errors.New("not leading")
	// ErrStopped is a lease whose Run has ended, for errors.Is.
	ErrStopped = errors.New("the lease has stopped")
)

// Stream is where the lease is. broker.Client is one.
type Stream interface {
	// Append appends records and blocks until they are confirmed, which an error leaves open, or ctx is done.
	Append(ctx context.Context, stream string, records ...[]byte) error
	// Follow gives the stream to a follower, session after session, and blocks until ctx is done.
	Follow(ctx context.Context, stream string, to streams.Follower) error
}

// Config is what a lease is made with.
type Config struct {
	// Stream is where the lease is. Required.
	Stream Stream
	// Name is the stream's name, routing.Names.Lease. Required.
	Name string
	// Lease is for how long a record that was read back lets its writer lead, counted from when it was
	// sent; MinLease..MaxLease, and the same for all schedulers of a stream. Others wait for an eighth of it
	// longer, and a leader renews some four times in it. Defaults to DefaultLease.
	Lease time.Duration
	// Clock tells the time. Defaults to the real one.
	Clock clockwork.Clock
	// Log takes when this process leads and when it does no more, and what keeps it from either. Defaults to
	// slog.Default().
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.Clock == nil {
		c.Clock = clockwork.NewRealClock()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Stream == nil:
		return fmt.Errorf("%w: Stream: it is missing", ErrInvalidConfig)
	case c.Name == "":
		return fmt.Errorf("%w: Name: it is empty", ErrInvalidConfig)
	case c.Lease < MinLease || c.Lease > MaxLease:
		return fmt.Errorf("%w: Lease: %s is not within %s..%s", ErrInvalidConfig, c.Lease, MinLease, MaxLease)
	}
	return nil
}

// timing derives the rest: with 2 s a margin of 250 ms, and a renewal every 450 ms, so that one that is
// lost does not end a term.
func (c Config) timing() timing {
	return timing{lease: c.Lease, margin: c.Lease / 8, interval: c.Lease * 9 / 40}
}

// Lease is this process's part in who leads. Make one with [New]; it does nothing until [Lease.Run]. Its
// methods may be called by any number of goroutines.
type Lease struct {
	cfg    Config
	holder string

	mu       sync.Mutex
	clock    timepiece
	election election
	term     *Term         // the one that is led, or nil
	changed  chan struct{} // closed, and made anew, when term changes or Run ends
	wake     chan struct{} // has room for one: there is another moment to wait for
	started  bool
	stopped  bool
	unready  error // why the stream is not followed
	warned   bool  // that the state is not known
	failing  bool  // the newest append has failed

	appending context.Context // of all appends
	work      sync.WaitGroup
}

// New returns a lease. It starts nothing. An error is [ErrInvalidConfig].
func New(cfg Config) (*Lease, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	holder := newHolder()
	return &Lease{
		cfg: cfg, holder: holder, clock: newTimepiece(cfg.Clock), election: newElection(holder, cfg.timing()),
		changed: make(chan struct{}), wake: make(chan struct{}, 1), unready: errNotFollowed,
	}, nil
}

// newHolder returns a name that no other start of a process has.
func newHolder() string {
	host, _ := os.Hostname() // it is for people
	if len(host) > 100 {
		host = host[:100]
	}
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), uuid.NewString()[:8])
}

// Holder is the name under which this process stands: host, process ID, and something random.
func (l *Lease) Holder() string { return l.holder }

// Await blocks until this process leads, and returns the term; the one that it leads already at once.
// The error is that of ctx, or [ErrStopped]. Whoever gets a term releases it when it has stopped
// everything that it does by it ([Term.Release]). After a lost term it may be called again.
func (l *Lease) Await(ctx context.Context) (*Term, error) {
	for {
		l.mu.Lock()
		l.look()
		term, changed, stopped := l.term, l.changed, l.stopped
		if term != nil {
			term.taken = true
		}
		l.mu.Unlock()
		switch {
		case term != nil:
			return term, nil
		case stopped:
			return nil, ErrStopped
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("await the lease: %w", context.Cause(ctx))
		}
	}
}

// IsLeader returns nil while this process leads, by both clocks, else an error that is [ErrNotLeading]
// and says who does. It does not block. It is the Elector of gocron.
func (l *Lease) IsLeader(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	switch s := &l.election.state; {
	case l.term != nil:
		return nil
	case !l.election.begun:
		return fmt.Errorf("%w: %w", ErrNotLeading, l.unready)
	case !s.known:
		return fmt.Errorf("%w: %w", ErrNotLeading, errUnknown)
	case s.vacant():
		return fmt.Errorf("%w: nobody holds the lease", ErrNotLeading)
	default:
		return fmt.Errorf("%w: term %d is that of %s", ErrNotLeading, s.term, s.holder)
	}
}

// Ready returns nil while this process can win: it has read the stream up to now and knows who holds the
// lease. The error says what is in the way.
func (l *Lease) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stopped:
		return ErrStopped
	case l.unready != nil:
		return fmt.Errorf("stream %s: %w", l.cfg.Name, l.unready)
	case !l.election.state.known:
		return fmt.Errorf("stream %s: %w", l.cfg.Name, errUnknown)
	}
	return nil
}

// Newest returns the newest term that has been read, 0 where there is none, and whether this process leads
// it. It does not block.
func (l *Lease) Newest() (term uint64, leads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look()
	return l.election.state.term, l.term != nil
}
