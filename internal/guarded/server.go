package guarded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	stopTimeout  = 20 * time.Second
	pollInterval = 20 * time.Millisecond
	logTail      = 2000 // bytes
)

// guard runs a server until it ends or the pipe on descriptor 3 does, which nobody writes to. Then the
// server is sent the signal, and its folder is removed.
const guard = `signal=$1 folder=$2; shift 2
"$@" 3<&- & server=$!
(read -r _ <&3; kill -s "$signal" $server 2>/dev/null) &
wait $server
rm -rf "$folder"`

// ErrEnded is returned by [Server.Await] where the server has ended; what wraps it holds the end of its
// log.
var ErrEnded = errors.New("the server has ended")

// Command is how a server is run.
type Command struct {
	// Args are the program's path and its arguments.
	Args []string
	// Folder is the temporary folder that the server runs in. It is removed with the server, and by
	// [Start] where that fails.
	Folder string
	// Signal ends the server, by its name without SIG. Defaults to TERM.
	Signal string
	// Env is the server's environment. Defaults to ours.
	Env []string
	// As is whom to run it as. Defaults to ourselves.
	As *syscall.Credential
}

// Server is a server that was started, and its guard.
type Server struct {
	folder string
	log    *os.File      // open, so that it can be read when the guard has removed it
	pipe   *os.File      // its end ends the server; nil when it is closed
	pid    int           // the guard's
	done   chan struct{} // closed when the guard has ended
}

// Start starts a server under its guard. What it says goes to a file of its folder, and is part of the errors of
// [Server.Await]. The caller closes it.
func Start(command Command) (*Server, error) {
	s := &Server{folder: command.Folder, done: make(chan struct{})}
	if err := s.launch(command); err != nil {
		close(s.done) // there is nothing to wait for
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) launch(command Command) error {
	var err error
	if s.log, err = os.Create(filepath.Join(s.folder, "log")); err != nil {
		return err
	}
	held, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer held.Close()
	signal := command.Signal
	if signal == "" {
		signal = "TERM"
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "sh", signal, s.folder}, command.Args...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.folder, command.Env, s.log, s.log
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: command.As} // an interrupt from the keyboard is ours
	if err := cmd.Start(); err != nil {
		return errors.Join(err, ours.Close())
	}
	s.pipe, s.pid = ours, cmd.Process.Pid
	go func() {
		defer close(s.done)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	return nil
}

// PID is the process that the server descends from: its guard.
func (s *Server) PID() int { return s.pid }

// Folder is the temporary folder that the server runs in.
func (s *Server) Folder() string { return s.folder }

// Await waits until the server answers, which ask tells by returning nil. The errors hold the end of the server's log.
func (s *Server) Await(ctx context.Context, ask func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("%w: %s", ErrEnded, s.said())
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %s", context.Cause(ctx), err, s.said())
		case <-ticker.C:
		}
	}
}

// said is the end of what the server has logged.
func (s *Server) said() string {
	text, err := io.ReadAll(io.NewSectionReader(s.log, 0, math.MaxInt64))
	if err != nil {
		return err.Error()
	}
	return Tail(string(text))
}

// Tail is the end of what a program has said.
func Tail(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-logTail):]
}

// Abandon lets the guard see what it sees when this process is killed, and returns when the server is gone.
func (s *Server) Abandon() error {
	if s.pipe == nil {
		return nil
	}
	s.pipe.Close()
	s.pipe = nil
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("the server in %s has not ended within %s", s.folder, stopTimeout)
	}
}

// Close ends the server and removes what it left, within 20 s. It does nothing when called again.
func (s *Server) Close() error {
	if err := s.Abandon(); err != nil {
		return err
	}
	if s.log != nil {
		s.log.Close()
		s.log = nil
	}
	return os.RemoveAll(s.folder)
}

// FreeAddress returns an address of 127.0.0.1 that nothing listened on a moment ago.
func FreeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
