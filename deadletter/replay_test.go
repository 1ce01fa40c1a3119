package deadletter_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// sieve is a queue of letters that are removed when they are answered so.
type sieve struct {
	letters    []tasks.Message
	unreadable map[string]error // by ID
	doubtful   int
	err        error

	mu      sync.Mutex
	removed []string
	over    bool
}

var errLost = errors.New("session lost")

func (s *sieve) Sift(_ context.Context, _ string, _ int, each func(*tasks.Letter) bool) (int, error) {
	var all sync.WaitGroup
	for _, m := range s.letters {
		all.Add(1)
		l := tasks.NewLetter(m, s.unreadable[m.MessageID], func(remove bool) error {
			defer all.Done()
			s.mu.Lock()
			defer s.mu.Unlock()
			if remove && s.over {
				return errLost
			}
			if remove {
				s.removed = append(s.removed, m.MessageID)
			}
			return nil
		})
		if !each(l) {
			break
		}
	}
	if s.err == nil {
		all.Wait()
	}
	return s.doubtful, s.err
}

// publisher publishes as an error for each ID says.
type publisher struct {
	errs map[string]error

	mu        sync.Mutex
	published []tasks.Message
}

func (p *publisher) PublishWhile(_, while context.Context, m tasks.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := while.Err(); err != nil {
		return err
	}
	p.published = append(p.published, m)
	return p.errs[m.MessageID]
}

func (p *publisher) ids() []string {
	var ids []string
	for _, m := range p.published {
		ids = append(ids, m.MessageID)
	}
	return ids
}

// fault is a publisher's error.
type fault struct{ unconfirmed, ofMessage bool }

func (f fault) Error() string     { return "not published" }
func (f fault) Unconfirmed() bool { return f.unconfirmed }
func (f fault) OfMessage() bool   { return f.ofMessage }

func emailLetters(t *testing.T, ids ...string) []tasks.Message {
	t.Helper()
	var letters []tasks.Message
	for _, id := range ids {
		letters = append(letters, workerLetter(t, id, "email.welcome", tasks.ReasonPermanent))
	}
	return letters
}

// replay replays email.dead and returns the outcomes by the letters' IDs.
func replay(t *testing.T, s *sieve, p *publisher, change func(*deadletter.ReplayConfig)) (map[string]deadletter.Outcome, deadletter.Counts, error) {
	t.Helper()
	outcomes := map[string]deadletter.Outcome{}
	var last deadletter.Counts
	cfg := deadletter.ReplayConfig{Sweep: deadletter.Sweep{
		Queue:    "email.dead",
		Tell:     func(o deadletter.Outcome) { outcomes[o.Record.ID] = o },
		Progress: func(c deadletter.Counts) { last = c },
	}, User: "guest"}
	if change != nil {
		change(&cfg)
	}
	counts, err := deadletter.Replay(t.Context(), s, p, cfg)
	last.Doubtful = counts.Doubtful // what the sifter adds at the end
	assert.Equal(t, counts, last)
	return outcomes, counts, err
}

func TestReplay(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "2", "3", "4", "5"), unreadable: map[string]error{"4": errors.New("too deep")}}
	s.letters[1].Headers[tasks.HeaderReplays] = int64(5)
	s.letters[2].Headers[tasks.HeaderQueue] = "payroll"
	s.letters[3].Headers = nil
	s.letters[4].Headers[tasks.HeaderReplays] = int64(4)
	p := &publisher{}
	outcomes, counts, err := replay(t, s, p, nil)
	require.NoError(t, err)
	assert.Equal(t, deadletter.Counts{Seen: 5, Replayed: 2, AtLimit: 1, Failed: 2}, counts)
	assert.ElementsMatch(t, []string{"1", "5"}, s.removed)
	assert.ElementsMatch(t, []string{"1", "5"}, p.ids())
	for _, m := range p.published {
		assert.Empty(t, m.Exchange)
		assert.Equal(t, "email", m.RoutingKey)
		assert.Equal(t, "email.welcome", m.Headers[tasks.HeaderRoutingKey])
		assert.NotContains(t, m.Headers, tasks.HeaderDeadReason)
	}
	assert.Equal(t, deadletter.Replayed, outcomes["1"].Fate)
	assert.Equal(t, deadletter.AtLimit, outcomes["2"].Fate)
	assert.ErrorIs(t, outcomes["3"].Err, deadletter.ErrOtherQueue)
	assert.Equal(t, s.unreadable["4"], outcomes["4"].Err)
	assert.Equal(t, 4, outcomes["5"].Record.Replays)
}

func TestReplayFilterAndLimit(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "2", "3", "4")}
	s.letters[0].Headers[tasks.HeaderDeadReason] = "expired"
	_, counts, err := replay(t, s, &publisher{}, func(cfg *deadletter.ReplayConfig) {
		cfg.Filter = deadletter.Filter{Reason: tasks.ReasonPermanent, Limit: 2}
	})
	require.NoError(t, err)
	assert.Equal(t, deadletter.Counts{Seen: 3, Unchosen: 1, Replayed: 2}, counts)
	assert.ElementsMatch(t, []string{"2", "3"}, s.removed)
}

func TestReplayDry(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "2")}
	p := &publisher{}
	outcomes, counts, err := replay(t, s, p, func(cfg *deadletter.ReplayConfig) {
		cfg.DryRun = true
		cfg.Edit = func(m *tasks.Message) error {
			if m.MessageID == "2" {
				return errLost
			}
			return nil
		}
	})
	require.NoError(t, err)
	assert.Equal(t, deadletter.Counts{Seen: 2, Replayed: 1, Failed: 1}, counts)
	assert.ErrorIs(t, outcomes["2"].Err, errLost)
	assert.Empty(t, s.removed)
	assert.Empty(t, p.published)
}

func TestReplayEdits(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1")}
	p := &publisher{}
	_, _, err := replay(t, s, p, func(cfg *deadletter.ReplayConfig) {
		cfg.Edit = func(m *tasks.Message) error {
			assert.Equal(t, "email", m.RoutingKey)
			m.Body = []byte("mended")
			return nil
		}
	})
	require.NoError(t, err)
	require.Len(t, p.published, 1)
	assert.Equal(t, "mended", string(p.published[0].Body))
	assert.NotEqual(t, "mended", string(s.letters[0].Body))
}

// What fails stays; what may have been published all the same is told.
func TestReplayFailures(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "2", "3", "4")}
	p := &publisher{errs: map[string]error{
		"1": fault{ofMessage: true}, "2": fault{unconfirmed: true}, "3": errLost,
	}}
	outcomes, counts, err := replay(t, s, p, nil)
	require.NoError(t, err)
	assert.Equal(t, deadletter.Counts{Seen: 4, Replayed: 1, Failed: 3, Doubtful: 1}, counts)
	assert.Equal(t, []string{"4"}, s.removed)
	assert.ErrorIs(t, outcomes["3"].Err, errLost)
}

// Where nothing can be published any more there is no use in going on.
func TestReplayStops(t *testing.T) {
	var ids []string
	errs := map[string]error{}
	for i := range 5000 {
		ids = append(ids, strconv.Itoa(i))
		errs[ids[i]] = fault{}
	}
	s := &sieve{letters: emailLetters(t, ids...)}
	_, counts, err := replay(t, s, &publisher{errs: errs}, nil)
	require.ErrorIs(t, err, fault{})
	require.ErrorContains(t, err, "replay email.dead: ")
	assert.Less(t, counts.Seen, 5000)
	assert.Positive(t, counts.Failed)
	assert.Empty(t, s.removed)
}

func TestReplayOfALostSession(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "2"), err: errLost, over: true, doubtful: 3}
	outcomes, counts, err := replay(t, s, &publisher{}, nil)
	require.ErrorIs(t, err, errLost)
	assert.Equal(t, counts.Replayed+3, counts.Doubtful, "those that were confirmed, and the sifter's own")
	for _, o := range outcomes {
		assert.ErrorIs(t, o.Err, errLost)
	}
}

func TestReplayOfAContextThatHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &sieve{letters: emailLetters(t, "1"), err: context.Canceled}
	counts, err := deadletter.Replay(ctx, s, &publisher{}, deadletter.ReplayConfig{})
	require.Equal(t, context.Canceled, err, "the sifter says which queue")
	assert.Zero(t, counts)
}

// A letter that dies again while others are still shown is not replayed again.
func TestReplayDoesNotGoInACircle(t *testing.T) {
	s := &sieve{letters: emailLetters(t, "1", "1", "1")}
	s.letters[1].Headers[tasks.HeaderReplays] = int64(1) // the first one, dead again
	outcomes, counts, err := replay(t, s, &publisher{}, nil)
	require.NoError(t, err)
	assert.Equal(t, deadletter.Counts{Seen: 3, Replayed: 2, Again: 1}, counts, "the third is another of the same ID")
	assert.Len(t, outcomes, 1)
}

func TestReplayRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sieve{letters: emailLetters(t, "1", "2", "3")}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			synctest.Wait() // the second is an hour away
			cancel()
		}()
		counts, err := deadletter.Replay(ctx, s, &publisher{}, deadletter.ReplayConfig{Sweep: deadletter.Sweep{
			Queue: "email.dead", Rate: 1.0 / 3600,
		}})
		require.NoError(t, err, "the sifter has not minded")
		assert.Equal(t, deadletter.Counts{Seen: 2, Replayed: 1}, counts)
		assert.Equal(t, []string{"1"}, s.removed)
	})
}

func TestDrop(t *testing.T) {
	for _, dry := range []bool{false, true} {
		s := &sieve{letters: emailLetters(t, "1", "2", "3"), unreadable: map[string]error{"3": errLost}}
		var fates []deadletter.Fate
		counts, err := deadletter.Drop(t.Context(), s, deadletter.Sweep{
			Queue: "email.dead", DryRun: dry, Tell: func(o deadletter.Outcome) { fates = append(fates, o.Fate) },
		})
		require.NoError(t, err)
		assert.Equal(t, deadletter.Counts{Seen: 3, Dropped: 3}, counts)
		assert.Equal(t, []deadletter.Fate{deadletter.Dropped, deadletter.Dropped, deadletter.Dropped}, fates)
		assert.Equal(t, !dry, len(s.removed) == 3)
	}
}

// To which queue a letter goes its own headers do not say: whoever published the task may have written
// them.
func TestReplayMessageGoesToTheOriginalQueue(t *testing.T) {
	const toQueue = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.q.email"
	letter := workerLetter(t, "1", "email.welcome", tasks.ReasonPermanent)
	forged := func(exchange, key string) tasks.Message {
		return tasks.Message{Exchange: exchange, RoutingKey: key, Headers: map[string]any{
			tasks.HeaderQueue: "payroll", tasks.HeaderDeadReason: "permanent", "x-death": []any{entry("payroll", "rejected", "pay")},
		}}
	}
	for name, tt := range map[string]struct {
		letter        tasks.Message
		queue         string
		exchange, key string // empty: another queue's
	}{
		"worker's":                        {letter, "email.dead", "", "email"},
		"broker's":                        {brokerLetter(entry("email", "rejected", "email.welcome")), "email.dead", "", "email"},
		"of another queue":                {brokerLetter(entry("email-v1", "rejected", "email.welcome")), "email.dead", "", ""},
		"forged":                          {forged("warren.dead", "email"), "email.dead", "", ""},
		"parked letter":                   {letter, "warren.unrouted", "", "email"},
		"parked broker's letter":          {brokerLetter(entry("email", "rejected", "email.welcome")), "warren.unrouted", "", "email"},
		"parked task":                     {tasks.Message{Exchange: "warren.tasks", RoutingKey: "nobody.wants"}, "warren.unrouted", "warren.strict", "nobody.wants"},
		"parked delayed task":             {tasks.Message{Exchange: "warren.delayed", RoutingKey: delayed + "nobody.wants"}, "warren.unrouted", "warren.strict", "nobody.wants"},
		"parked retry":                    {tasks.Message{Exchange: "warren.delayed", RoutingKey: toQueue}, "warren.unrouted", "", "email"},
		"parked task, as a retry":         {tasks.Message{Exchange: "warren.tasks", RoutingKey: toQueue}, "warren.unrouted", "warren.strict", toQueue},
		"parked task, forged as a letter": {forged("warren.tasks", "nobody.wants"), "warren.unrouted", "warren.strict", "nobody.wants"},
		"parked letter of another queue":  {forged("warren.dead", "email"), "warren.unrouted", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := deadletter.FromMessage(tt.letter, tt.queue)
			m, err := deadletter.ReplayMessage(tt.letter, &r, tt.queue, routing.Names{}, "guest", failedAt)
			if tt.key == "" {
				require.ErrorIs(t, err, deadletter.ErrOtherQueue)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.exchange, m.Exchange)
			assert.Equal(t, tt.key, m.RoutingKey)
			if tt.exchange == "" && tt.letter.RoutingKey == "email" {
				assert.Equal(t, "email.welcome", m.Headers[tasks.HeaderRoutingKey])
			}
		})
	}
}
