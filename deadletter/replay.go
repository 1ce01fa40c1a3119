package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// DefaultMaxReplays is how often a letter is replayed at most, unless something else is said.
const DefaultMaxReplays = 5

// ErrOtherQueue is a letter that lies in the dead-letter queue of another queue than the one that it
// failed in.
var ErrOtherQueue = errors.New("a letter of another queue")

// Publisher publishes a message and blocks until it is confirmed, unless while is done before it is
// sent. broker.Client is one. An error may tell by a method OfMessage() bool that it is not the message's
// own, and by a method Unconfirmed() bool that the message may have been published nevertheless.
type Publisher interface {
	PublishWhile(ctx, while context.Context, m tasks.Message) error
}

// ReplayConfig is which letters are replayed, and how.
type ReplayConfig struct {
	Sweep
	// Names are the internal names of the broker's topology.
	Names routing.Names
	// User is the user of the publisher's connection, empty where a certificate decides it.
	User string
	// MaxReplays is how often a letter is replayed; one that was as often is left. Defaults to
	// DefaultMaxReplays.
	MaxReplays int
	// Edit, where given, changes what is published: the task as it was enqueued, addressed to where it
	// goes. An error leaves the letter. It is called in a dry run too, one letter at a time.
	Edit func(*tasks.Message) error
}

// Replay publishes the letters that a filter chooses as tasks that have never been started, each to the
// work queue that it failed in and to no other; a parked task that no queue wanted is routed anew under
// its original key, by the strict entrance, so that one that is still not wanted fails and stays. A
// letter is removed once its task is confirmed. So a crash, or a lost connection, loses nothing and
// doubles at most what was under way: 512 letters that were published, and as many as a round of the
// sifter has, 1024, that were confirmed; what is known of them is Counts.Doubtful.
//
// It blocks until all letters that lay in the queue when it began are dealt with, Filter.Limit of them
// were chosen, ctx is done, or nothing can be published any more; the error says so, and what was not
// dealt with is back in its queue. A letter that cannot be replayed is no error: it is left, counted
// and told. Several may replay one queue at once, each some of its letters. At most 512 letters are under
// way, fewer where they are large.
func Replay(ctx context.Context, s Sifter, p Publisher, cfg ReplayConfig) (Counts, error) {
	if cfg.MaxReplays < 1 {
		cfg.MaxReplays = DefaultMaxReplays
	}
	r := newRun(ctx, &cfg.Sweep)
	return r.sift(s, func(l *tasks.Letter, record *Record) {
		now := time.Now()
		m, fate, err := cfg.prepare(l, record, now)
		switch {
		case err != nil || fate != Replayed:
			l.Leave()
			r.tell(Outcome{Record: record, Fate: fate, At: now, Err: err})
		case cfg.DryRun:
			l.Leave()
			r.tell(Outcome{Record: record, Fate: Replayed, At: now})
		case r.cameBack(l, m):
			l.Leave()
			r.tell(Outcome{Record: record, Fate: Again, At: now})
		default:
			r.publish(p, l, record, m)
		}
	})
}

// prepare returns the message that a letter is replayed as, or what becomes of it instead.
func (cfg *ReplayConfig) prepare(l *tasks.Letter, r *Record, now time.Time) (tasks.Message, Fate, error) {
	if l.Unreadable != nil {
		return tasks.Message{}, Failed, l.Unreadable
	}
	m, err := ReplayMessage(l.Message, r, cfg.Queue, cfg.Names, cfg.User, now)
	if err != nil {
		return m, Failed, err
	}
	if tasks.Replays(l.Message) >= cfg.MaxReplays {
		return m, AtLimit, nil
	}
	if cfg.Edit != nil {
		if err := cfg.Edit(&m); err != nil {
			return m, Failed, err
		}
	}
	return m, Replayed, nil
}

// ReplayMessage returns the message that a letter of a dead-letter queue, or of the unrouted queue, is
// replayed as, and where it goes; r is the letter's record. Which queue that is, the letter's headers do
// not decide: their producer may have written them. It is the one that the dead-letter queue belongs
// to, and [ErrOtherQueue] where the record names another; of a parked letter what the exchange that it
// came through has it be. self is the user of the connection that it is published by.
func ReplayMessage(m tasks.Message, r *Record, deadQueue string, names routing.Names, self string, now time.Time) (tasks.Message, error) {
	queue, isDead := strings.CutSuffix(deadQueue, routing.DeadSuffix)
	if !isDead {
		queue = parkedFrom(&m, names)
	}
	if r.Queue != "" && queue != "" && r.Queue != queue {
		return tasks.Message{}, fmt.Errorf("%w: it is of %.180q", ErrOtherQueue, r.Queue)
	}
	t, _ := tasks.Decode(m, queue, now) // what is malformed is what the letter may be dead of
	t.Key = r.Key
	replay := tasks.ReplayMessage(m, &t, self, now)
	replay.RoutingKey = queue
	if queue == "" {
		replay.Exchange, replay.RoutingKey = names.Strict(), t.Key
	}
	return replay, nil
}

// parkedFrom returns the queue that a parked message was for: a dead letter whose dead-letter queue is
// missing, or a retry whose work queue is. It is empty for a task that no queue wanted.
func parkedFrom(m *tasks.Message, names routing.Names) string {
	switch m.Exchange {
	case names.Dead():
		return m.RoutingKey
	case names.Delayed():
		queue, _ := routing.OriginalQueue(m.RoutingKey)
		return queue
	default:
		return ""
	}
}
