package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/tasks"
)

// The variables by which systemd says where it wants to hear from a service, and how often
// (sd_notify(3), sd_watchdog_enabled(3)).
const (
	envNotifySocket = "NOTIFY_SOCKET"
	envWatchdogUsec = "WATCHDOG_USEC"
	envWatchdogPID  = "WATCHDOG_PID"
)

// statusInterval is how often systemd is told what has changed, at most.
const statusInterval = time.Second

// notifier tells systemd how the daemon does: that it is ready, for the first time; why it is not, in
// the line that systemctl status shows; that it stops, and how long that may take; and, where a watchdog
// waits for it, that it is alive. The protocol is a datagram of assignments, so it is spoken here.
type notifier struct {
	conn     net.Conn
	log      *slog.Logger
	watchdog time.Duration // 0: none waits
	// ready returns nil, or why the daemon is not ready; metrics.ErrStuck where it cannot even tell.
	ready func(context.Context) error

	begun  bool   // systemd knows that it was ready
	status string // what it was told last
	failed bool   // a datagram did not go, which was told
}

// newNotifier returns nil where systemd does not ask to be told.
func newNotifier(getenv func(string) (string, bool), ready func(context.Context) error, log *slog.Logger) (*notifier, error) {
	path, _ := getenv(envNotifySocket)
	if path == "" {
		return nil, nil
	}
	n := &notifier{ready: ready, log: log}
	if usec, _ := getenv(envWatchdogUsec); usec != "" {
		count, err := strconv.ParseInt(usec, 10, 64)
		if err != nil || count <= 0 {
			return nil, fmt.Errorf("%s: %q is no time in microseconds", envWatchdogUsec, usec)
		}
		if pid, _ := getenv(envWatchdogPID); pid == "" || pid == strconv.Itoa(os.Getpid()) {
			n.watchdog = time.Duration(count) * time.Microsecond
		}
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // @ is an abstract one
	if err != nil {
		return nil, fmt.Errorf("%s: %w", envNotifySocket, err)
	}
	n.conn = conn
	return n, nil
}

// run tells until ctx is done. Once stop is done the daemon stops, which may take as long as patience.
func (n *notifier) run(ctx, stop context.Context, patience time.Duration) {
	defer n.conn.Close()
	interval := statusInterval
	if n.watchdog > 0 {
		interval = min(interval, n.watchdog/2)
	}
	ticker := time.NewTicker(max(interval, time.Millisecond))
	defer ticker.Stop()
	stopping := stop.Done()
	for {
		n.tell(ctx)
		select {
		case <-ticker.C:
		case <-stopping:
			n.send(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", patience.Microseconds()))
			stopping = nil
		case <-ctx.Done():
			return
		}
	}
}

// tell tells what has changed, and that the daemon is alive. What did not go is told again the next time.
func (n *notifier) tell(ctx context.Context) {
	err := n.ready(ctx)
	status, text := "ready", ""
	if err != nil {
		status = oneLine(err.Error())
	}
	begun := n.begun || err == nil || errors.Is(err, metrics.ErrDegraded)
	if begun && !n.begun {
		text = "READY=1\n"
	}
	if status != n.status {
		text += "STATUS=" + status + "\n"
	}
	if n.watchdog > 0 && !errors.Is(err, metrics.ErrStuck) {
		text += "WATCHDOG=1\n"
	}
	if text != "" && n.send(text) {
		n.begun, n.status = begun, status
	}
}

// send sends one datagram, and does not wait for a reader that is slow. It returns whether it went.
func (n *notifier) send(text string) bool {
	err := n.conn.SetWriteDeadline(time.Now().Add(statusInterval))
	if err == nil {
		_, err = n.conn.Write([]byte(text))
	}
	if err != nil && !n.failed && !errors.Is(err, net.ErrClosed) {
		n.log.Warn("systemd cannot be told how the service does", "error", err)
	}
	n.failed = err != nil
	return err == nil
}

// maxStatus bounds the status, in bytes. systemd ignores a datagram of more than 4096 as a whole, with the
// ping in it, and of a worker on many queues without RabbitMQ each queue has something to tell.
const maxStatus = 1024

// oneLine writes a text on one line, as errors that were joined are not, and no longer than is shown.
func oneLine(text string) string {
	line := []byte(tasks.Cut(text, maxStatus))
	for i, c := range line {
		if c < ' ' {
			line[i] = ' '
		}
	}
	return string(line)
}
