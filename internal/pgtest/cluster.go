package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 20 * time.Millisecond
	portTries    = 3
	logTail      = 2000 // bytes
)

// guard runs a server until it ends or the pipe on descriptor 3 does, which nobody writes to: the
// kernel closes it when we are gone, however. Then it is stopped at once (SIGQUIT, since nobody will
// want its data) and its folder is removed.
const guard = `folder=$1; shift
"$@" 3<&- & server=$!
(read -r _ <&3; kill -QUIT $server 2>/dev/null) &
wait $server
rm -rf "$folder"`

// cluster is a private server: its folder, and the shell that guards it.
type cluster struct {
	folder string
	pipe   *os.File      // its end ends the server
	done   chan struct{} // closed when the shell has ended
}

// start starts a private server of the programs in a folder.
func start(ctx context.Context, programs string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for try := 1; ; try++ {
		s, err := startOn(ctx, programs)
		if err == nil || try == portTries || !strings.Contains(err.Error(), "Address already in use") {
			return s, err
		}
	}
}

func startOn(ctx context.Context, programs string) (s *Server, err error) {
	credential, err := unprivileged()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "warren-postgres-")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if credential != nil {
		if err := os.Chown(folder, int(credential.Uid), int(credential.Gid)); err != nil {
			return nil, err
		}
	}
	password := rand.Text()
	if err := c.initialise(ctx, programs, password, credential); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.launch(programs, port, credential); err != nil {
		return nil, err
	}
	s = &Server{
		URL:     fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port),
		Source:  "private server from " + programs,
		private: c,
	}
	s.Version, err = c.ready(ctx, s.URL)
	return s, err
}

// unprivileged returns whom to run the server as: PostgreSQL refuses root. It is nil where we are
// not root ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
	}
	return nil, errors.New("there is no user postgres or nobody, and PostgreSQL refuses to run as root")
}

// initialise makes the files of a server whose role postgres has a password.
func (c *cluster) initialise(ctx context.Context, programs, password string, as *syscall.Credential) error {
	secret := filepath.Join(c.folder, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(secret, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "--pgdata", c.data(), "--username=postgres",
		"--auth=scram-sha-256", "--pwfile", secret, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	var said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.folder, environment(), &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, tail(said.String()))
	}
	return nil
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }
func (c *cluster) log() string  { return filepath.Join(c.folder, "log") }

// environment is ours without what would lead the server elsewhere.
func environment() []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") && !strings.HasPrefix(variable, "LC_") && !strings.HasPrefix(variable, "LANG") {
			env = append(env, variable)
		}
	}
	return env
}

// launch starts the server under its guard.
func (c *cluster) launch(programs string, port int, as *syscall.Credential) error {
	log, err := os.Create(c.log())
	if err != nil {
		return err
	}
	defer log.Close()
	held, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer held.Close()
	cmd := exec.Command("/bin/sh", "-c", guard, "sh", c.folder, filepath.Join(programs, "postgres"), "-D", c.data(),
		"-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(port), "-c", "unix_socket_directories=",
		// Nobody cuts this machine's power for the test's sake. What a server promises to its clients
		// does not change.
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "shared_buffers=32MB")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.folder, environment(), log, log
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as} // an interrupt from the keyboard is ours
	if err := cmd.Start(); err != nil {
		return errors.Join(err, ours.Close())
	}
	c.pipe, c.done = ours, make(chan struct{})
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	return nil
}

var errEnded = errors.New("the server has ended")

// ready waits until the server answers.
func (c *cluster) ready(ctx context.Context, url string) (version string, err error) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		said := c.said() // before its folder is removed
		if version, err = ask(ctx, url); err == nil {
			return version, nil
		}
		select {
		case <-c.done:
			return "", fmt.Errorf("%w: %s", errEnded, tail(said))
		case <-ctx.Done():
			return "", fmt.Errorf("%w: %w: %s", context.Cause(ctx), err, tail(said))
		case <-ticker.C:
		}
	}
}

func (c *cluster) said() string {
	text, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail is the end of what a program has said.
func tail(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-logTail):]
}

// freePort returns a port that nothing listened on a moment ago.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// close ends the server and returns when it is gone.
func (c *cluster) close() error {
	if c.pipe != nil {
		c.pipe.Close()
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-c.done:
		case <-timer.C:
			return fmt.Errorf("the server in %s has not ended within %s", c.folder, stopTimeout)
		}
	}
	return os.RemoveAll(c.folder)
}

// Close ends a private server and removes what it left, within 20 s. It does nothing to one that was
// named, nor when called again.
func (s *Server) Close() error {
	if s.private == nil {
		return nil
	}
	c := s.private
	s.private = nil
	if err := c.close(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	return nil
}
