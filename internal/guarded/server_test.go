package guarded

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startShell starts a server that is a line of shell, in a folder below the test's.
func startShell(t *testing.T, line string) *Server {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.Mkdir(folder, 0o700))
	s, err := Start(Command{Args: []string{"/bin/sh", "-c", line}, Folder: folder})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// answers asks for a file that the server makes.
func answers(s *Server) func(context.Context) error {
	return func(context.Context) error {
		_, err := os.Stat(filepath.Join(s.Folder(), "ready"))
		return err
	}
}

const ready = "echo listening; : >ready; "

func TestServer(t *testing.T) {
	s := startShell(t, ready+"exec sleep 600")
	require.NoError(t, s.Await(t.Context(), answers(s)))
	assert.Positive(t, s.PID())
	assert.Equal(t, "listening", s.said())
	require.NoError(t, s.Close())
	assert.NoDirExists(t, s.Folder())
	require.NoError(t, s.Close(), "a second time")
}

// A process that is killed closes its end of the pipe; the guard ends the server and removes its
// folder.
func TestGuard(t *testing.T) {
	s := startShell(t, ready+"exec sleep 600")
	require.NoError(t, s.Await(t.Context(), answers(s)))
	require.NoError(t, s.Abandon())
	assert.NoDirExists(t, s.Folder())
}

func TestServerEnds(t *testing.T) {
	s := startShell(t, "echo no such option >&2; exit 1")
	err := s.Await(t.Context(), answers(s))
	require.ErrorIs(t, err, ErrEnded)
	require.ErrorContains(t, err, "no such option", "though its folder is gone")
}

func TestServerDoesNotAnswer(t *testing.T) {
	s := startShell(t, "exec sleep 600")
	deaf := errors.New("deaf")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := s.Await(ctx, func(context.Context) error { return deaf })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, deaf)
}

func TestStartRemovesItsFolder(t *testing.T) {
	_, err := Start(Command{Args: []string{"true"}, Folder: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFreeAddress(t *testing.T) {
	address, err := FreeAddress(t.Context())
	require.NoError(t, err)
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, listener.Close())
}

func TestTail(t *testing.T) {
	assert.Equal(t, "end", Tail(" end\n"))
	assert.Len(t, Tail(string(make([]byte, 3*logTail))), logTail)
}
