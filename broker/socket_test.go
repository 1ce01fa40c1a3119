package broker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted counts the writes that reach a connection.
type counted struct {
	net.Conn
	writes atomic.Int32
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// loopback returns a socket, what counts its writes, and the other end.
func loopback(t *testing.T) (*socket, *counted, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	theirs, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	c := &counted{Conn: ours}
	return &socket{Conn: c}, c, theirs
}

func write(t *testing.T, to io.Writer, text string) {
	t.Helper()
	n, err := io.WriteString(to, text)
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

// read reads as many bytes as a text has.
func read(t *testing.T, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(from, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestCorkedWritesAreOne(t *testing.T) {
	s, c, theirs := loopback(t)
	write(t, s, "a")
	require.EqualValues(t, 1, c.writes.Load(), "not corked")
	s.cork()
	write(t, s, "b")
	s.cork()
	write(t, s, "c")
	require.NoError(t, s.uncork())
	write(t, s, "d")
	require.EqualValues(t, 1, c.writes.Load(), "still corked by the first")
	require.NoError(t, s.uncork())
	require.EqualValues(t, 2, c.writes.Load())
	s.cork()
	require.NoError(t, s.uncork())
	require.EqualValues(t, 2, c.writes.Load(), "nothing to write")
	write(t, s, "e")
	read(t, theirs, "abcde")
}

func TestCorkIsBounded(t *testing.T) {
	s, c, theirs := loopback(t)
	half := string(bytes.Repeat([]byte("x"), maxCorked/2))
	s.cork()
	write(t, s, half)
	write(t, s, half)
	require.EqualValues(t, 0, c.writes.Load(), "as much as it may collect")
	write(t, s, "y")
	require.EqualValues(t, 1, c.writes.Load())
	read(t, theirs, half+half)
	var all sync.WaitGroup
	all.Go(func() {
		got := make([]byte, 1+2*maxCorked)
		_, err := io.ReadFull(theirs, got)
		assert.NoError(t, err)
		assert.EqualValues(t, 'y', got[0])
	})
	write(t, s, half+half+half+half) // more than it may collect at once
	require.EqualValues(t, 3, c.writes.Load())
	all.Wait()
	require.LessOrEqual(t, cap(s.held), 2*maxCorked)
	require.NoError(t, s.uncork())
}

// Records of several writers, of which some cork, arrive whole and each writer's in its order.
func TestCorkConcurrently(t *testing.T) {
	s, _, theirs := loopback(t)
	const writers, each = 8, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if w%2 == 0 {
					s.cork()
				}
				record := binary.BigEndian.AppendUint32([]byte{byte(w)}, uint32(i))
				_, err := s.Write(record)
				assert.NoError(t, err)
				if w%2 == 0 {
					assert.NoError(t, s.uncork())
				}
			}
		})
	}
	next := [writers]uint32{}
	record := make([]byte, 5)
	for range writers * each {
		_, err := io.ReadFull(theirs, record)
		require.NoError(t, err)
		require.Equal(t, next[record[0]], binary.BigEndian.Uint32(record[1:]))
		next[record[0]]++
	}
	all.Wait()
}

func TestUncorkThatFailsClosesTheSocket(t *testing.T) {
	ours, theirs := net.Pipe()
	s := &socket{Conn: ours}
	s.cork()
	write(t, s, "lost")
	require.NoError(t, theirs.Close())
	require.ErrorIs(t, s.uncork(), io.ErrClosedPipe)
	_, err := s.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.ErrClosedPipe, "closed, as the library's reader finds")
	_, err = s.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	s.cork()
	write(t, s, "nobody knows yet")
	require.Error(t, s.uncork())
}

func TestCloseEndsAWriteThatHangs(t *testing.T) {
	ours, theirs := net.Pipe() // which takes nothing that is not read
	defer theirs.Close()
	s := &socket{Conn: ours}
	s.cork()
	write(t, s, "xy")
	results := make(chan error, 3)
	go func() { results <- s.uncork() }()
	one := make([]byte, 1)
	_, err := io.ReadFull(theirs, one)
	require.NoError(t, err, "it is writing")
	go func() {
		_, err := s.Write([]byte("z"))
		results <- err
	}()
	go func() {
		s.cork()
		_, err := s.Write([]byte("z"))
		results <- err
		_ = s.uncork()
	}()
	require.NoError(t, s.Close())
	failures := 0
	for range cap(results) {
		if err := <-results; err != nil {
			require.ErrorIs(t, err, io.ErrClosedPipe)
			failures++
		}
	}
	require.GreaterOrEqual(t, failures, 1)
}

func TestCorkBelowTLS(t *testing.T) {
	s, c, theirs := loopback(t)
	server := httptest.NewTLSServer(nil) // for its certificate
	server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := tls.Client(s, &tls.Config{RootCAs: roots, ServerName: "example.com"})
	peer := tls.Server(theirs, server.TLS)
	var all sync.WaitGroup
	all.Go(func() { assert.NoError(t, peer.Handshake()) })
	require.NoError(t, client.Handshake())
	all.Wait()
	before := c.writes.Load()
	s.cork()
	for range 100 {
		write(t, client, "frame")
	}
	require.Equal(t, before, c.writes.Load())
	require.NoError(t, s.uncork())
	require.Equal(t, before+1, c.writes.Load())
	read(t, peer, string(bytes.Repeat([]byte("frame"), 100)))
}

// A socket in a hurry takes what it is given although the other side reads nothing, and a later write
// that may wait sends the rest, in order.
func TestHurriedWritesDoNotBlock(t *testing.T) {
	s, c, theirs := loopback(t)
	s.Conn = c.Conn // a connection that can be asked
	filler := bytes.Repeat([]byte("x"), 32<<10)
	var sent bytes.Buffer
	for whole := true; whole; {
		require.True(t, s.tryHurry())
		write(t, s, string(filler))
		write(t, s, "and more")
		sent.Write(filler)
		sent.WriteString("and more")
		whole = s.endHurry()
	}
	require.False(t, s.tryHurry(), "something is still to be written")
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		s.cork()
		assert.NoError(t, s.uncork())
		write(t, s, "end")
	})
	sent.WriteString("end")
	read(t, theirs, sent.String())
}

// While somebody writes, or has corked, nobody is in a hurry.
func TestHurryYieldsToOthers(t *testing.T) {
	s, _, theirs := loopback(t)
	s.mu.Lock()
	require.False(t, s.tryHurry())
	s.mu.Unlock()
	s.cork()
	require.False(t, s.tryHurry())
	require.NoError(t, s.uncork())
	require.True(t, s.tryHurry())
	require.False(t, s.tryHurry())
	write(t, s, "a")
	require.False(t, s.endHurry(), "this connection cannot be asked what it takes at once")
	write(t, s, "b")
	read(t, theirs, "ab")
	require.True(t, s.tryHurry())
	require.True(t, s.endHurry())
}

func TestHurryTellsOfALostConnection(t *testing.T) {
	s, c, _ := loopback(t)
	s.Conn = c.Conn
	require.NoError(t, s.Close())
	require.True(t, s.tryHurry())
	_, err := s.Write([]byte("a"))
	require.ErrorIs(t, err, net.ErrClosed)
	require.True(t, s.endHurry(), "nothing is left of what failed")
}
