package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const installTimeout = 5 * time.Minute

// installAndStart installs rabbitmq-server with apt-get where that may be done, and starts a
// private node of it.
func installAndStart(ctx context.Context, opts Options) (*Broker, error) {
	if err := Install(ctx, serverName, opts); err != nil {
		return nil, err
	}
	return startNode(ctx, opts)
}

// Install installs a Debian package, here or for what tests need beside a broker, within 5 minutes:
// as root, or through sudo where a terminal says yes. It is an error that says why where there is no
// apt-get, or WARREN_NO_INSTALL=1 forbids it. A service that the package brings is not started.
func Install(ctx context.Context, name string, opts Options) error {
	opts = opts.withDefaults()
	return installer{
		name:      name,
		forbidden: os.Getenv("WARREN_NO_INSTALL") == "1",
		root:      os.Geteuid() == 0,
		terminal:  opts.In != nil && term.IsTerminal(int(opts.In.Fd())),
		lookPath:  exec.LookPath,
		ask:       func(ctx context.Context, question string) (bool, error) { return ask(ctx, opts.In, opts.Out, question) },
		run:       runQuietly,
		lock:      lockInstalls,
		out:       opts.Out,
	}.install(ctx)
}

// installer decides whether a package may be installed, and does it.
type installer struct {
	name                      string
	forbidden, root, terminal bool

	lookPath func(string) (string, error)
	ask      func(ctx context.Context, question string) (bool, error)
	run      func(ctx context.Context, command ...string) error
	lock     func(context.Context) (unlock func(), err error)
	out      io.Writer
}

func (i installer) install(ctx context.Context) error {
	if i.forbidden {
		return errors.New("WARREN_NO_INSTALL=1 forbids it")
	}
	if _, err := i.lookPath("apt-get"); err != nil {
		return errors.New("no apt-get on PATH")
	}
	// RUNLEVEL=1 keeps Debian from starting a service of its own beside our node.
	command := []string{"env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"}
	if !i.root {
		if !i.terminal {
			return errors.New("not root, and no terminal to ask on")
		}
		if _, err := i.lookPath("sudo"); err != nil {
			return errors.New("not root, and no sudo on PATH")
		}
		command = append([]string{"sudo"}, command...)
	}
	if i.terminal {
		yes, err := i.ask(ctx, fmt.Sprintf("brokertest: install %s with apt-get? [y/N] ", i.name))
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("declined")
		}
	}
	fmt.Fprintf(i.out, "brokertest: installing %s with apt-get (WARREN_NO_INSTALL=1 forbids it)\n", i.name)
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	unlock, err := i.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	install := slices.Concat(command, []string{"install", "-y", "--no-install-recommends", i.name})
	if i.run(ctx, install...) == nil {
		return nil
	}
	// Most often the package lists are missing or old.
	updated := i.run(ctx, append(command[:len(command):len(command)], "update")...)
	if err := i.run(ctx, install...); err != nil {
		return errors.Join(err, updated)
	}
	return nil
}

// lockInstalls waits until no other process of ours installs anything: apt-get waits for its other locks, and
// fails where another one has that of the package lists.
func lockInstalls(ctx context.Context) (unlock func(), err error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("warren-install-%d.lock", os.Geteuid()))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock installs: %w", err)
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = file.Close() }, nil // which unlocks it
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = file.Close()
			return nil, fmt.Errorf("lock installs: %w", err)
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("lock installs: %w", context.Cause(ctx))
		}
	}
}

// runQuietly runs a command; its error ends with the tail of what it said.
func runQuietly(ctx context.Context, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, tail(said.String(), logTailLines))
	}
	return nil
}

// ask puts a yes-or-no question on a terminal. It gives up when ctx ends.
func ask(ctx context.Context, terminal *os.File, out io.Writer, question string) (bool, error) {
	fmt.Fprint(out, question)
	typed := []unix.PollFd{{Fd: int32(terminal.Fd()), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		n, err := unix.Poll(typed, int(pollInterval.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("read the answer: %w", err)
		}
		if n <= 0 {
			continue
		}
		// A terminal hands over a line at a time.
		line := make([]byte, 256)
		read, err := terminal.Read(line)
		if err != nil {
			return false, fmt.Errorf("read the answer: %w", err)
		}
		answer := strings.ToLower(strings.TrimSpace(string(line[:read])))
		return answer == "y" || answer == "yes", nil
	}
	return false, context.Cause(ctx)
}
