package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/metrics"
)

// systemdAt listens as systemd does.
func systemdAt(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	return path, func() string {
		t.Helper()
		buffer := make([]byte, 4096)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		n, err := conn.Read(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	}
}

func TestNotifier(t *testing.T) {
	t.Parallel()
	path, next := systemdAt(t)
	answers := make(chan error)
	ready := func(ctx context.Context) error {
		select {
		case err := <-answers:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000", "WATCHDOG_PID": fmt.Sprint(os.Getpid())}
	n, err := newNotifier(lookup(env), ready, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	stop, stopNow := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(ctx, stop, time.Minute)
	}()
	for _, step := range []struct {
		answer error
		hears  string
	}{
		{errors.Join(errors.New("not connected"), errors.New("refused")), "STATUS=not connected refused\nWATCHDOG=1\n"},
		{nil, "READY=1\nSTATUS=ready\nWATCHDOG=1\n"},
		{nil, "WATCHDOG=1\n"},
		{errors.New("away"), "STATUS=away\nWATCHDOG=1\n"},
		{metrics.ErrStuck, "STATUS=stuck\n"},
		{nil, "STATUS=ready\nWATCHDOG=1\n"},
	} {
		answers <- step.answer
		assert.Equal(t, step.hears, next())
	}
	stopNow()
	close(answers) // it is ready from now on
	heard := next()
	for heard == "WATCHDOG=1\n" {
		heard = next()
	}
	assert.Equal(t, "STOPPING=1\nEXTEND_TIMEOUT_USEC=60000000", heard)
	assert.Equal(t, "WATCHDOG=1\n", next(), "while it drains too")
	cancel()
	<-done
}

func TestNewNotifier(t *testing.T) {
	t.Parallel()
	path, _ := systemdAt(t)
	log := slog.New(slog.DiscardHandler)
	n, err := newNotifier(lookup(nil), nil, log)
	require.NoError(t, err)
	assert.Nil(t, n, "nobody asks")

	n, err = newNotifier(lookup(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}), nil, log)
	require.NoError(t, err)
	assert.Zero(t, n.watchdog, "it waits for another process")
	require.NoError(t, n.conn.Close())

	_, err = newNotifier(lookup(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "soon"}), nil, log)
	require.EqualError(t, err, `WATCHDOG_USEC: "soon" is no time in microseconds`)
	_, err = newNotifier(lookup(map[string]string{"NOTIFY_SOCKET": path + "-gone"}), nil, log)
	require.ErrorContains(t, err, "NOTIFY_SOCKET: ")
}

// What systemd did not get it is told again: else the service would be activating for good.
func TestNotifierTellsAgainWhatDidNotGo(t *testing.T) {
	t.Parallel()
	path, next := systemdAt(t)
	getenv := lookup(map[string]string{"NOTIFY_SOCKET": path})
	n, err := newNotifier(getenv, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, n.conn.Close())
	n.tell(t.Context())
	again, err := newNotifier(getenv, nil, n.log)
	require.NoError(t, err)
	n.conn = again.conn
	n.tell(t.Context())
	assert.Equal(t, "READY=1\nSTATUS=ready\n", next())
	require.NoError(t, n.conn.Close())
}

// systemd ignores datagrams of more than 4096 bytes, and with them the ping.
func TestNotifierKeepsTheStatusShort(t *testing.T) {
	t.Parallel()
	path, next := systemdAt(t)
	why := errors.New(strings.Repeat("queue é: not connected\n", 1000) + "\xff")
	n, err := newNotifier(lookup(map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"}),
		func(context.Context) error { return why }, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	n.tell(t.Context())
	heard := next()
	assert.LessOrEqual(t, len(heard), 2048)
	assert.True(t, strings.HasPrefix(heard, "STATUS=queue é: not connected queue"), heard)
	assert.True(t, strings.HasSuffix(heard, "\nWATCHDOG=1\n"), heard)
	assert.Equal(t, 2, strings.Count(heard, "\n"))
	assert.True(t, utf8.ValidString(heard))
	require.NoError(t, n.conn.Close())
}
