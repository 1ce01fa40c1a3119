//go:build integration

package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/streams"
)

// patience bounds every wait of these tests, and is never waited out where things go well.
const patience = 30 * time.Second

var name = routing.Names{}.Lease()

// site is a virtual host with the stream of the lease.
type site struct {
	t     *testing.T
	ctx   context.Context
	vhost brokertest.Vhost
}

func newSite(t *testing.T, stream routing.StreamSpec) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	s := &site{t: t, ctx: ctx, vhost: brokertest.NewVhost(t)}
	require.NoError(t, s.client(s.vhost.URL).Declare(ctx, routing.Spec{Streams: []routing.StreamSpec{stream}}))
	return s
}

func (s *site) client(url string) *broker.Client {
	s.t.Helper()
	client, err := broker.Connect(s.ctx, broker.Config{
		URLs: []string{url}, BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond, Log: s.log(),
	})
	require.NoError(s.t, err)
	s.t.Cleanup(client.Close)
	return client
}

func (s *site) log() *slog.Logger { return slog.New(slog.NewTextHandler(s.t.Output(), nil)) }

// run runs a lease, until stop is called or the test ends.
func (s *site) run(url string) (l *lease.Lease, stop func()) {
	s.t.Helper()
	l, err := lease.New(lease.Config{Stream: s.client(url), Name: name, Log: s.log()})
	require.NoError(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		assert.NoError(s.t, <-done)
	})
	return l, cancel
}

func (s *site) await(l *lease.Lease) *lease.Term {
	s.t.Helper()
	term, err := l.Await(s.ctx)
	require.NoError(s.t, err)
	require.NoError(s.t, term.Check())
	return term
}

func (s *site) ready(l *lease.Lease) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return l.Ready() == nil }, patience, time.Millisecond)
}

// A lease that stops passes on at once; what is cut off stops leading before another begins.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := newSite(t, routing.LeaseStream(routing.Names{}))
	a, stop := s.run(s.vhost.URL)
	first := s.await(a)
	proxy := brokertest.NewProxy(t, s.vhost.URL)
	b, _ := s.run(proxy.URL())
	s.ready(b)
	require.ErrorIs(t, b.IsLeader(s.ctx), lease.ErrNotLeading)

	began := time.Now()
	stop()
	<-first.Context().Done()
	first.Release()
	second := s.await(b)
	assert.Less(t, time.Since(began), time.Second, "at once")
	assert.Equal(t, first.Number()+1, second.Number())
	status, err := lease.Read(s.ctx, s.client(s.vhost.URL), name)
	require.NoError(t, err)
	assert.Equal(t, b.Holder(), status.Holder)
	assert.True(t, status.Held(time.Now(), lease.DefaultLease))

	c, _ := s.run(s.vhost.URL)
	s.ready(c)
	ended := make(chan time.Time, 1)
	context.AfterFunc(second.Context(), func() { ended <- time.Now() })
	proxy.Refuse(true)
	proxy.Cut()
	began = time.Now()
	third := s.await(c)
	took := time.Since(began)
	require.ErrorIs(t, second.Check(), lease.ErrLost)
	assert.True(t, (<-ended).Before(began.Add(took)), "before the other began")
	t.Logf("taken over after %s", took)
	third.Release()
}

// A fresh candidate knows who leads though the claim is gone from the stream.
func TestTrimmedStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, routing.StreamSpec{Name: name, MaxBytes: 128 << 10, SegmentBytes: 64 << 10})
	a, _ := s.run(s.vhost.URL)
	term := s.await(a)
	defer term.Release()
	client := s.client(s.vhost.URL)
	junk := make([][]byte, 16)
	for i := range junk {
		junk[i] = make([]byte, 16<<10)
	}
	trimmed := func() bool {
		first := uint64(0)
		stop := errors.New("the first is enough")
		err := client.ReadStream(s.ctx, name, streams.First(), func(r streams.Record) error { first = r.Offset; return stop })
		return errors.Is(err, stop) && first > 16
	}
	for !trimmed() {
		require.NoError(t, client.Append(s.ctx, name, junk...))
	}
	b, _ := s.run(s.vhost.URL)
	s.ready(b)
	require.ErrorContains(t, b.IsLeader(s.ctx), a.Holder())
	require.NoError(t, term.Check())
}
