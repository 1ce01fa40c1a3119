package lease

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/streams"
)

var _ gocron.Elector = (*Lease)(nil)

// memory is a stream in memory that any number of leases share.
type memory struct {
	mu      sync.Mutex
	base    uint64
	bodies  [][]byte
	changed chan struct{}
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

func (m *memory) write(body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, body)
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) at(offset uint64) (body []byte, found bool, changed chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if offset < uint64(len(m.bodies)) {
		return m.bodies[offset], true, nil
	}
	return nil, false, m.changed
}

// bounds are where the stream begins and ends.
func (m *memory) bounds() (first, next uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.base, uint64(len(m.bodies))
}

// trim has the stream begin at an offset.
func (m *memory) trim(to uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base = to
}

// kinds are those of all records that there ever were.
func (m *memory) kinds() (kinds []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, body := range m.bodies {
		r, err := decode(streams.Record{Offset: uint64(i), Body: body})
		if err == nil {
			kinds = append(kinds, r.Kind)
		}
	}
	return kinds
}

// WatchStream gives what there is, and returns.
func (m *memory) WatchStream(_ context.Context, _ string, _ streams.Offset, each func(streams.Record) error) error {
	for offset, _ := m.bounds(); ; offset++ {
		body, found, _ := m.at(offset)
		if !found {
			return nil
		}
		if err := each(streams.Record{Offset: offset, Body: body}); err != nil {
			return err
		}
	}
}

// link is one process's way to the stream, which may be cut or blocked.
type link struct {
	*memory
	mu   sync.Mutex
	cut  chan struct{} // closed: nothing comes, until mend
	hold chan struct{} // not nil: appends wait for its end
}

var errCut = errors.New("cut")

func newLink(m *memory) *link { return &link{memory: m, cut: make(chan struct{})} }

func (l *link) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *link) Append(ctx context.Context, _ string, records ...[]byte) error {
	l.mu.Lock()
	hold, cut := l.hold, l.cut
	l.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-cut:
		return errCut
	default:
	}
	for _, r := range records {
		l.write(r)
	}
	return nil
}

func (l *link) Follow(ctx context.Context, _ string, to streams.Follower) error {
	for ctx.Err() == nil {
		l.mu.Lock()
		cut := l.cut
		l.mu.Unlock()
		select {
		case <-cut:
			to.Lost(errCut)
			select {
			case <-time.After(10 * time.Millisecond): // the bubble's clock
			case <-ctx.Done():
			}
			continue
		default:
		}
		l.write(nil) // a marker
		offset, end := l.bounds()
		to.Begin(offset)
		for {
			body, found, changed := l.at(offset)
			if found {
				if offset++; body != nil {
					to.Deliver(streams.Record{Offset: offset - 1, Body: body})
				}
				if offset == end {
					to.CaughtUp()
				}
				continue
			}
			select {
			case <-changed:
				continue
			case <-cut:
			case <-ctx.Done():
			}
			break
		}
		to.Lost(errCut)
	}
	return ctx.Err()
}

// runner is a lease that runs.
type runner struct {
	*Lease
	link *link
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, m *memory) *runner {
	t.Helper()
	r := &runner{link: newLink(m), done: make(chan error, 1)}
	var err error
	r.Lease, err = New(Config{Stream: r.link, Name: "warren.lease", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- r.Run(ctx) }()
	return r
}

// end stops a runner that leads nothing, or whose term was released.
func (r *runner) end(t *testing.T) {
	t.Helper()
	r.stop()
	require.NoError(t, <-r.done)
}

func (r *runner) await(t *testing.T) *Term {
	t.Helper()
	term, err := r.Await(t.Context())
	require.NoError(t, err)
	require.NoError(t, term.Check())
	require.NoError(t, r.IsLeader(t.Context()))
	return term
}

// At most one leads; when it stops cleanly another does at once, and not before the term was released.
func TestLeaseIsPassedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := run(t, m)
		began := time.Now()
		first := a.await(t)
		assert.Zero(t, time.Since(began), "nobody has to be waited for")
		assert.EqualValues(t, 1, first.Number())
		b := run(t, m)
		<-time.After(time.Minute)
		require.NoError(t, first.Check())
		require.NoError(t, b.Ready())
		require.ErrorIs(t, b.IsLeader(t.Context()), ErrNotLeading)
		require.ErrorContains(t, b.IsLeader(t.Context()), a.Holder())

		a.stop()
		<-first.Context().Done()
		require.ErrorIs(t, context.Cause(first.Context()), ErrLost)
		require.ErrorIs(t, first.Check(), ErrLost)
		<-time.After(300 * time.Millisecond)
		require.ErrorIs(t, b.IsLeader(t.Context()), ErrNotLeading, "it is not released")
		began = time.Now()
		first.Release()
		first.Release()
		second := b.await(t)
		assert.Less(t, time.Since(began), 10*time.Millisecond)
		assert.EqualValues(t, 2, second.Number())
		require.NoError(t, <-a.done)
		_, err := a.Await(t.Context())
		require.ErrorIs(t, err, ErrStopped)
		require.ErrorIs(t, a.Run(t.Context()), ErrStopped)
		require.ErrorIs(t, a.Ready(), ErrStopped)
		second.Release()
		b.end(t)
		kinds := m.kinds()
		assert.Equal(t, resignation, kinds[len(kinds)-1])
	})
}

// A term that nobody releases is not resigned: the lease runs out.
func TestLeaseRunsOutOnAStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := run(t, m)
		term := a.await(t)
		began := time.Now()
		a.end(t)
		assert.LessOrEqual(t, time.Since(began), DefaultLease+time.Millisecond)
		require.ErrorIs(t, term.Check(), ErrLost)
		assert.NotContains(t, m.kinds(), resignation)
	})
}

// A leader that is cut off stops before another starts, and can win again.
func TestLeaseThatIsCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := run(t, m)
		first := a.await(t)
		b := run(t, m)
		<-time.After(10 * time.Second)
		a.link.set(func() { close(a.link.cut) })
		began := time.Now()
		<-first.Context().Done()
		lost := time.Since(began)
		require.ErrorIs(t, context.Cause(first.Context()), ErrLost)
		second := b.await(t)
		took := time.Since(began)
		assert.LessOrEqual(t, lost, DefaultLease)
		assert.GreaterOrEqual(t, took-lost, 200*time.Millisecond, "the margin")
		assert.Less(t, took, 2500*time.Millisecond)
		require.ErrorIs(t, a.Ready(), errCut)
		require.ErrorIs(t, a.IsLeader(t.Context()), errCut)

		a.link.set(func() { a.link.cut = make(chan struct{}) })
		<-time.After(5 * time.Second)
		require.NoError(t, second.Check())
		require.ErrorIs(t, a.IsLeader(t.Context()), ErrNotLeading)
		b.stop()
		second.Release()
		assert.EqualValues(t, 3, a.await(t).Number())
		require.NoError(t, <-b.done)
		a.end(t)
	})
}

// An append that blocks keeps neither the reading nor the end of the term up.
func TestLeaseWhoseAppendsBlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := run(t, m)
		first := a.await(t)
		a.link.set(func() { a.link.hold = make(chan struct{}) })
		began := time.Now()
		<-first.Context().Done()
		assert.LessOrEqual(t, time.Since(began), DefaultLease)
		require.NoError(t, a.Ready(), "it reads")
		<-time.After(20 * time.Second)
		a.link.set(func() { close(a.link.hold); a.link.hold = nil })
		assert.EqualValues(t, 2, a.await(t).Number(), "its own term need not be waited for")
		a.end(t)
	})
}

// A stream whose beginning is gone is known again by what its records name.
func TestLeaseOfATrimmedStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		a := run(t, m)
		first := a.await(t)
		<-time.After(10 * time.Second)
		m.trim(7)
		status, err := Read(t.Context(), m, "warren.lease")
		require.NoError(t, err)
		assert.True(t, status.Since.IsZero(), "its claim is gone")
		assert.True(t, status.Held(time.Now(), DefaultLease))
		b := run(t, m)
		synctest.Wait()
		require.NoError(t, b.Ready())
		require.ErrorContains(t, b.IsLeader(t.Context()), a.Holder())
		a.stop()
		first.Release()
		assert.EqualValues(t, 2, b.await(t).Number())
		require.NoError(t, <-a.done)
		b.end(t)

		_, end := m.bounds()
		m.trim(end)
		c := run(t, m)
		<-time.After(time.Minute)
		require.ErrorIs(t, c.Ready(), errUnknown)
		require.ErrorIs(t, c.IsLeader(t.Context()), errUnknown)
		c.end(t)
	})
}

func TestRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		status, err := Read(t.Context(), m, "warren.lease")
		require.NoError(t, err)
		assert.Equal(t, Status{}, status)
		assert.False(t, status.Held(time.Now(), DefaultLease))

		a := run(t, m)
		term := a.await(t)
		since := time.Now()
		<-time.After(time.Second)
		status, err = Read(t.Context(), m, "warren.lease")
		require.NoError(t, err)
		assert.WithinDuration(t, since, status.Since, 0)
		assert.WithinDuration(t, time.Now(), status.Renewed, 500*time.Millisecond)
		assert.Equal(t, a.Holder(), status.Holder)
		assert.EqualValues(t, 1, status.Term)
		assert.True(t, status.Held(time.Now(), DefaultLease))
		assert.False(t, status.Held(time.Now().Add(3*time.Second), DefaultLease))
		term.Release()
		a.end(t)
		status, err = Read(t.Context(), m, "warren.lease")
		require.NoError(t, err)
		assert.True(t, status.Resigned)
		assert.False(t, status.Held(time.Now(), DefaultLease))
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	m := newLink(newMemory())
	for _, cfg := range []Config{
		{Name: "x"}, {Stream: m}, {Stream: m, Name: "x", Lease: MinLease - 1}, {Stream: m, Name: "x", Lease: MaxLease + 1},
	} {
		_, err := New(cfg)
		require.ErrorIs(t, err, ErrInvalidConfig)
	}
}
