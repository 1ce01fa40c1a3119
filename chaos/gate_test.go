package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it is sent, behind a gate.
func echo(t *testing.T) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	g, err := openGate("worker-1", "amqp://guest:guest@"+listener.Addr().String()+"/")
	require.NoError(t, err)
	t.Cleanup(g.close)
	return g
}

func dialGate(t *testing.T, g *gate) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", g.proxy.Listen)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answered sends a byte and reports whether it comes back within a time.
func answered(t *testing.T, conn net.Conn, within time.Duration) bool {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(within)))
	if _, err := conn.Write([]byte{1}); err != nil {
		return false
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err == nil
}

func TestGateCuts(t *testing.T) {
	g := echo(t)
	assert.Contains(t, g.url, "/?heartbeat=2")
	conn := dialGate(t, g)
	require.True(t, answered(t, conn, 5*time.Second))
	require.NoError(t, g.cut())
	assert.False(t, answered(t, conn, 5*time.Second))
	assert.True(t, answered(t, dialGate(t, g), 5*time.Second), "a new one, at the same address")
}

func TestGateIsHalfOpen(t *testing.T) {
	for _, kind := range []faultKind{deafenLink, muteLink, blockLink} {
		t.Run(kind.String(), func(t *testing.T) {
			g := echo(t)
			conn := dialGate(t, g)
			require.True(t, answered(t, conn, 5*time.Second))
			toxics := toxicsOf(strike{kind: kind})
			require.NoError(t, g.poison(toxics))
			assert.False(t, answered(t, conn, 50*time.Millisecond))
			require.NoError(t, g.cure(toxics))
			require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
			_, err := conn.Read(make([]byte, 1))
			assert.ErrorIs(t, err, io.EOF, "a link that was half open does not heal")
			assert.True(t, answered(t, dialGate(t, g), 5*time.Second))
		})
	}
}

func TestGateIsSlow(t *testing.T) {
	g := echo(t)
	conn := dialGate(t, g)
	toxics := toxicsOf(strike{kind: delayLink, delay: 60 * time.Millisecond})
	require.NoError(t, g.poison(toxics))
	began := time.Now()
	require.True(t, answered(t, conn, 5*time.Second))
	assert.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond, "30 ms at least, both ways")
	require.NoError(t, g.cure(toxics))
	assert.True(t, answered(t, conn, 5*time.Second), "it heals")

	for _, one := range []strike{{kind: narrowLink, rate: 20}, {kind: killSlowly, delay: time.Millisecond}} {
		toxics := toxicsOf(one)
		require.Len(t, toxics, 2, one.kind)
		require.NoError(t, g.poison(toxics))
		assert.True(t, answered(t, conn, 5*time.Second))
		require.NoError(t, g.cure(toxics))
	}
}

func TestGateNeedsAnAddress(t *testing.T) {
	_, err := openGate("worker-1", "amqp://%zz")
	assert.ErrorContains(t, err, "gate of worker-1")
}
