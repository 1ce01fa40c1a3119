package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/warrenmq/warren/internal/guarded"
)

const (
	startTimeout = 30 * time.Second
	portTries    = 3
)

// start starts a private server of the programs in a folder.
func start(ctx context.Context, programs string, durable bool) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for try := 1; ; try++ {
		s, err := startOn(ctx, programs, durable)
		if err == nil || try == portTries || !strings.Contains(err.Error(), "Address already in use") {
			return s, err
		}
	}
}

func startOn(ctx context.Context, programs string, durable bool) (s *Server, err error) {
	credential, err := unprivileged()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "warren-postgres-")
	if err != nil {
		return nil, err
	}
	s = &Server{Source: "private server from " + programs}
	defer func() {
		if err == nil {
			return
		}
		if s.private != nil {
			err = errors.Join(err, s.private.Close())
		} else {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	if credential != nil {
		if err := os.Chown(folder, int(credential.Uid), int(credential.Gid)); err != nil {
			return s, err
		}
	}
	password := rand.Text()
	if err := initialise(ctx, folder, programs, password, credential); err != nil {
		return s, err
	}
	address, err := guarded.FreeAddress(ctx)
	if err != nil {
		return s, err
	}
	s.URL = fmt.Sprintf("postgres://postgres:%s@%s/postgres?sslmode=disable", password, address)
	s.private, err = guarded.Start(guarded.Command{
		Args: append([]string{filepath.Join(programs, "postgres"), "-D", data(folder)}, parameters(address, durable)...),
		// It is stopped at once, since nobody will want its data.
		Folder: folder, Signal: "QUIT", Env: environment(), As: credential,
	})
	if err != nil {
		return s, err
	}
	return s, s.private.Await(ctx, func(ctx context.Context) (err error) {
		s.Version, err = ask(ctx, s.URL)
		return err
	})
}

// parameters are a server's, on the command line.
func parameters(address string, durable bool) []string {
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + address[strings.LastIndexByte(address, ':')+1:], "unix_socket_directories=", "max_connections=200",
	}
	if !durable {
		// Nobody cuts this machine's power for the test's sake. What a server promises to its clients
		// does not change.
		settings = append(settings, "fsync=off", "full_page_writes=off", "shared_buffers=32MB")
	}
	var all []string
	for _, setting := range settings {
		all = append(all, "-c", setting)
	}
	return all
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
func initialise(ctx context.Context, folder, programs, password string, as *syscall.Credential) error {
	secret := filepath.Join(folder, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(secret, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "--pgdata", data(folder), "--username=postgres",
		"--auth=scram-sha-256", "--pwfile", secret, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	var said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = folder, environment(), &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: as}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, guarded.Tail(said.String()))
	}
	return nil
}

func data(folder string) string { return filepath.Join(folder, "data") }

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

// PID is the process that a private server's descend from, 0 where the server was named.
func (s *Server) PID() int {
	if s.private == nil {
		return 0
	}
	return s.private.PID()
}

// Close ends a private server and removes what it left, within 20 s. It does nothing to one that was
// named, nor when called again.
func (s *Server) Close() error {
	if s.private == nil {
		return nil
	}
	private := s.private
	s.private = nil
	if err := private.Close(); err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	return nil
}
