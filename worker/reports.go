package worker

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// reports sends what tasks tell of their progress to those who wait for them, where these are
// Warren's own clients: others expect one message. One goroutine sends; of a task the newest event
// alone waits for it, so a slow broker holds up no handler.
type reports struct {
	client publisher
	prefix string // of the reply queues of Warren's own clients
	clock  clockwork.Clock
	log    *slog.Logger
	also   func(*tasks.Task, tasks.ProgressEvent) // nil for nobody
	wake   chan struct{}                          // holds a token once something waits

	mu      sync.Mutex
	newest  map[*tasks.Task]tasks.Message
	order   []*tasks.Task // those that newest holds, the longest waiting first
	sending *tasks.Task   // the one whose event is being sent
	sent    chan struct{} // closed and replaced when it has been
}

// The bounds of sending progress: it is of use only while it is news.
const (
	reportTimeout = 2 * time.Second // for one event
	flushTimeout  = time.Second     // for what waits when the task has ended
)

func newReports(client *broker.Client, c *Config) *reports {
	return &reports{
		client: client, prefix: client.Names().ReplyPrefix(), clock: c.Clock, log: c.Log, also: c.Progress,
		wake: make(chan struct{}, 1), newest: map[*tasks.Task]tasks.Message{}, sent: make(chan struct{}),
	}
}

// start begins to send. stop ends that, and returns when the goroutine is gone; what waits is
// dropped.
func (r *reports) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

// progress takes an event of a task. It does not block.
func (r *reports) progress(t *tasks.Task, e tasks.ProgressEvent) {
	if r.also != nil {
		r.also(t, e)
	}
	if !strings.HasPrefix(t.ReplyTo, r.prefix) {
		return
	}
	m := tasks.ProgressMessage(t, e)
	r.mu.Lock()
	if _, waits := r.newest[t]; !waits {
		r.order = append(r.order, t)
	}
	r.newest[t] = m
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run sends until ctx is done.
func (r *reports) run(ctx context.Context) {
	for {
		m, waits := r.take()
		if !waits {
			select {
			case <-r.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		sending, cancel := clockwork.WithTimeout(ctx, r.clock, reportTimeout)
		if err := r.client.PublishWhile(sending, context.Background(), m); err != nil {
			r.log.Debug("progress not sent", "reply_to", m.RoutingKey, "correlation_id", m.CorrelationID, "error", err)
		}
		cancel()
		r.finish()
	}
}

// take returns the event that has waited longest, which is being sent until finish.
func (r *reports) take() (m tasks.Message, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.order) == 0 {
		return m, false
	}
	t := r.order[0]
	r.order = r.order[1:]
	m = r.newest[t]
	delete(r.newest, t)
	r.sending = t
	return m, true
}

func (r *reports) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sending = nil
	close(r.sent)
	r.sent = make(chan struct{})
}

// flush waits, for flushTimeout at most, until what a task has told is sent, so that it comes before
// the reply.
func (r *reports) flush(ctx context.Context, t *tasks.Task) {
	if !r.holds(t) {
		return
	}
	ctx, cancel := clockwork.WithTimeout(ctx, r.clock, flushTimeout)
	defer cancel()
	for {
		r.mu.Lock()
		sent := r.sent
		r.mu.Unlock()
		if !r.holds(t) {
			return
		}
		select {
		case <-sent:
		case <-ctx.Done():
			r.drop(t)
			return
		}
	}
}

// drop forgets what a task has told and is not being sent: the task ends.
func (r *reports) drop(t *tasks.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, waits := r.newest[t]; waits {
		delete(r.newest, t)
		r.order = slices.DeleteFunc(r.order, func(other *tasks.Task) bool { return other == t })
	}
}

// holds reports whether an event of a task waits or is being sent.
func (r *reports) holds(t *tasks.Task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, waits := r.newest[t]
	return waits || r.sending == t
}
