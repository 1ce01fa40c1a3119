package promtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 20 * time.Millisecond
	logTail      = 2000 // bytes
)

// guard runs a server until it ends or the pipe on descriptor 3 does, which nobody writes to: the
// kernel closes it when we are gone, however. Then it is ended, and its folder is removed.
const guard = `folder=$1; shift
"$@" 3<&- & server=$!
(read -r _ <&3; kill -TERM $server 2>/dev/null) &
wait $server
rm -rf "$folder"`

var errEnded = errors.New("the server has ended")

// Server is a private Prometheus that answers.
type Server struct {
	// URL is its address, without a trailing slash.
	URL string

	client *http.Client
	folder string
	log    *os.File      // open, so that it can be read when the guard has removed it
	pipe   *os.File      // its end ends the server
	done   chan struct{} // closed when the shell has ended
}

// Start starts a server of the configuration in a file, within 30 s. It keeps its data in a temporary
// folder. The caller closes it.
func (p Programs) Start(ctx context.Context, config string) (*Server, error) {
	s, err := p.start(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("promtest: start: %w", err)
	}
	return s, nil
}

func (p Programs) start(ctx context.Context, config string) (s *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	address, err := FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "warren-prometheus-")
	if err != nil {
		return nil, err
	}
	s = &Server{URL: "http://" + address, folder: folder, client: &http.Client{Transport: &http.Transport{}, Timeout: askTimeout}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	err = s.launch(p.Prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	if err != nil {
		return nil, err
	}
	return s, s.ready(ctx)
}

// FreeAddress returns an address of 127.0.0.1 that nothing listened on a moment ago: for a server, or for what
// one is to scrape.
func FreeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// launch starts the server under its guard.
func (s *Server) launch(command ...string) error {
	var err error
	if s.log, err = os.Create(filepath.Join(s.folder, "log")); err != nil {
		return err
	}
	held, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer held.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "sh", s.folder}, command...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, s.log, s.log
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt from the keyboard is ours
	if err := cmd.Start(); err != nil {
		return errors.Join(err, ours.Close())
	}
	s.pipe, s.done = ours, make(chan struct{})
	go func() {
		defer close(s.done)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	return nil
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		_, err := s.get(ctx, "/-/ready")
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("%w: %s", errEnded, s.said())
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
	said := strings.TrimSpace(string(text))
	return said[max(0, len(said)-logTail):]
}

// Close ends the server and removes what it left, within 20 s. It does nothing when called again.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	if s.pipe != nil {
		s.pipe.Close()
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-s.done:
		case <-timer.C:
			return fmt.Errorf("promtest: the server in %s has not ended within %s", s.folder, stopTimeout)
		}
		s.pipe = nil
	}
	if s.log != nil {
		s.log.Close()
	}
	return os.RemoveAll(s.folder)
}
