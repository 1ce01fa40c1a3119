package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
)

// Sift shows the letters, none of which it removes, and waits until all are answered.
func (l letters) Sift(_ context.Context, _ string, _ int, each func(*tasks.Letter) bool) (int, error) {
	var unanswered sync.WaitGroup
	for _, m := range l {
		unanswered.Add(1)
		if !each(tasks.NewLetter(m, nil, func(bool) error { unanswered.Done(); return nil })) {
			break
		}
	}
	unanswered.Wait()
	return 0, nil
}

// post publishes, but to a queue that is gone.
type post struct{ published int }

func (p *post) PublishWhile(_, _ context.Context, m tasks.Message) error {
	if strings.Contains(string(m.Body), "gone") {
		return &broker.PublishError{ID: m.MessageID, Key: m.RoutingKey, Err: broker.ErrUnroutable}
	}
	p.published++
	return nil
}

// newSweeping is a replay of letters, with what is typed.
func newSweeping(l letters, typed string) (s *sweeping, p *post, stdout, stderr *bytes.Buffer) {
	stdout, stderr, p = &bytes.Buffer{}, &bytes.Buffer{}, &post{}
	s = &sweeping{
		cli:   &cli{stdin: strings.NewReader(typed), stdout: &output{Writer: stdout}, stderr: stderr, terminal: typed != "", now: func() time.Time { return noon }},
		flags: &sweepFlags{}, queue: "email.dead", kind: history.Replayed, maxReplays: 5,
	}
	s.sweep = func(ctx context.Context, sweep deadletter.Sweep) (deadletter.Counts, error) {
		return deadletter.Replay(ctx, l, p, deadletter.ReplayConfig{Sweep: sweep, MaxReplays: s.maxReplays, Edit: s.mending.edit()})
	}
	return s, p, stdout, stderr
}

func someLetters() letters {
	l := letters{
		deadLetter("1", "email.welcome", "permanent", "no user 7", noon),
		deadLetter("2", "email.bye", "permanent", "no user 8", noon),
		deadLetter("3", "email.bye", "permanent", "no user 9", noon),
	}
	l[1].Headers[tasks.HeaderReplays] = int64(5)
	l[2].Body = []byte("gone")
	return l
}

func TestSweepDryRun(t *testing.T) {
	s, p, stdout, stderr := newSweeping(someLetters(), "")
	s.flags.dryRun = true
	assert.ErrorIs(t, s.run(t.Context()), errFinding)
	assert.Equal(t, `COUNT  REASON     KEYS     FIRST     LAST      ERROR
    3  permanent  email.*  12:00:00  12:00:00  no user <n>
2 would be replayed, 1 left at 5 replays, 0 failed
`, stdout.String())
	assert.Empty(t, stderr.String())
	assert.Zero(t, p.published)

	stdout.Reset()
	s.flags.asJSON = true
	assert.ErrorIs(t, s.run(t.Context()), errFinding)
	assert.Regexp(t, `^{"queue":"email.dead","seen":3,"unchosen":0,"replayed":2,.*"at_limit":1,.*"dry_run":true,"groups":\[{"count":3,.*}\]}\n$`, stdout.String())
}

func TestSweepAsks(t *testing.T) {
	s, p, stdout, stderr := newSweeping(someLetters(), "n\n")
	s.asks = true
	assert.ErrorIs(t, s.run(t.Context()), errFinding)
	assert.Empty(t, stdout.String())
	assert.True(t, strings.HasSuffix(stderr.String(), "  no user <n>\nReplay 3 letters of email.dead? [y/N] warren: nothing was done\n"), stderr.String())
	assert.Zero(t, p.published)

	for answer, want := range map[string]bool{"y\n": true, "YES": true, "": false, "yep\n": false} {
		s, _, _, stderr := newSweeping(someLetters()[:1], answer)
		s.kind = history.Dropped
		s.sweep = func(_ context.Context, sweep deadletter.Sweep) (deadletter.Counts, error) {
			return deadletter.Drop(t.Context(), someLetters()[:1], sweep)
		}
		sure, _ := s.ask(t.Context())
		assert.Equal(t, want, sure)
		assert.Contains(t, stderr.String(), "Drop 1 letter of email.dead for good? [y/N] ")
		assert.Equal(t, 1, s.filter.Limit, "no more than was shown")
	}
	s, _, _, stderr = newSweeping(nil, "y\n")
	sure, err := s.ask(t.Context())
	assert.False(t, sure)
	assert.NoError(t, err)
	assert.Equal(t, "warren: no letter in email.dead is one of these\n", stderr.String())
}

func TestConfirmEndsWithItsContext(t *testing.T) {
	blocked, typing := make(chan struct{}), make(chan struct{})
	c := &cli{stderr: &bytes.Buffer{}, stdin: readerFunc(func([]byte) (int, error) {
		close(typing)
		<-blocked
		return 0, errors.New("closed")
	})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-typing; cancel() }()
	_, err := c.confirm(ctx, "Sure?")
	assert.ErrorIs(t, err, context.Canceled)
	close(blocked)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSweepReport(t *testing.T) {
	s, p, stdout, stderr := newSweeping(someLetters(), "")
	report := newSweepReport(s)
	err := report.pass(t.Context(), deadletter.Sweep{Queue: s.queue, Tell: func(o deadletter.Outcome) { report.tell(o) }})
	assert.ErrorIs(t, report.end(t.Context(), err), errFinding)
	assert.Equal(t, 1, p.published)
	assert.Equal(t, "1 replayed, 1 left at 5 replays, 1 failed\n", stdout.String())
	assert.Equal(t, "warren: 1 of email.bye failed: unroutable (such as 3)\n", stderr.String())

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	stdout.Reset()
	stderr.Reset()
	report = newSweepReport(s)
	report.counts = deadletter.Counts{Seen: 60_000, Replayed: 60_000, Doubtful: 1_012}
	assert.ErrorIs(t, report.end(interrupted, context.Canceled), errFinding)
	assert.Equal(t, "60,000 replayed, 0 failed\n", stdout.String())
	assert.Equal(t, "warren: 1,012 letters may be there twice: the connection was lost before RabbitMQ had said\n"+
		"warren: interrupted: the others are still in email.dead\n", stderr.String())

	stderr.Reset()
	report.counts.Doubtful = 0
	assert.ErrorIs(t, report.end(t.Context(), broker.ErrHeldTooLong), broker.ErrHeldTooLong)
	assert.Equal(t, "warren: the others are still in email.dead: run it again, and it goes on with them\n", stderr.String())
	report.counts.Doubtful = 1_012

	lost := errors.New("connection lost")
	assert.ErrorIs(t, report.end(t.Context(), lost), lost)
	stdout.Reset()
	s.flags.asJSON = true
	assert.ErrorIs(t, report.end(interrupted, context.Canceled), errFinding)
	assert.JSONEq(t, `{"queue":"email.dead","seen":60000,"unchosen":0,"replayed":60000,"dropped":0,"at_limit":0,"again":0,"failed":0,
		"doubtful":1012,"interrupted":true}`, stdout.String())

	s.flags.id = "7"
	assert.ErrorContains(t, newSweepReport(s).end(t.Context(), nil), `no letter in email.dead is of a task with the ID "7"`)
}

// What failed for the same is told once, with what the groups leave out.
func TestSweepFailures(t *testing.T) {
	l := letters{}
	for _, id := range []string{"order-a", "order-b", "order-c"} {
		m := deadLetter(id, "email.bye", "permanent", "no user", noon)
		m.Body = []byte("gone")
		l = append(l, m)
	}
	l[2].Headers[tasks.HeaderQueue] = "payroll"
	s, _, _, stderr := newSweeping(l, "")
	report := newSweepReport(s)
	err := report.pass(t.Context(), deadletter.Sweep{Queue: s.queue, Tell: func(o deadletter.Outcome) { report.tell(o) }})
	assert.ErrorIs(t, report.end(t.Context(), err), errFinding)
	assert.Regexp(t, `^warren: 2 of email.bye failed: unroutable \(such as order-[ab]\)
warren: 1 of email.bye failed: a letter of another queue: it is of "payroll" \(such as order-c\)
$`, stderr.String())

	many := newSweepFailure(&deadletter.Group{Count: 1200, Keys: "email.#", Error: "<n> bytes", Example: "7", ExampleError: "12 bytes"})
	assert.Equal(t, "1,200 of email.# failed: <n> bytes (such as 7: 12 bytes)", many.String())
	many.Example = ""
	assert.Equal(t, "1,200 of email.# failed: <n> bytes (such as 12 bytes)", many.String())
}

// What has died since, and is like the letter that was edited, is left.
func TestEditedLetterOnly(t *testing.T) {
	s, p, _, _ := newSweeping(someLetters()[:1], "")
	one := deadletter.FromMessage(deadLetter("0", "email.welcome", "permanent", "no user 7", noon), s.queue)
	s.only(&one)
	require.NoError(t, newSweepReport(s).pass(t.Context(), deadletter.Sweep{Queue: s.queue, Filter: s.filter}))
	assert.Zero(t, p.published)
}

func TestSweepInterruptedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dry := range []bool{false, true} {
		s, p, _, stderr := newSweeping(someLetters(), "y\n")
		s.asks, s.flags.dryRun = !dry, dry
		s.sweep = func(ctx context.Context, _ deadletter.Sweep) (deadletter.Counts, error) {
			return deadletter.Counts{}, ctx.Err()
		}
		assert.ErrorIs(t, s.run(ctx), errFinding)
		assert.Equal(t, "warren: interrupted: nothing was done\n", stderr.String())
		assert.Zero(t, p.published)
	}
}

func TestSweepProgress(t *testing.T) {
	s, _, _, stderr := newSweeping(nil, "")
	now := noon
	s.cli.now = func() time.Time { return now }
	report := newSweepReport(s)
	report.bar.width, report.total, report.began = 100, 1000, noon
	now = noon.Add(2 * time.Second)
	report.progress(deadletter.Counts{Seen: 500, Unchosen: 100, Replayed: 400})
	assert.Equal(t, eraseLine+"[===============               ]  50 %  400 replayed, 0 failed, 250/s", stderr.String())
	report.progress(deadletter.Counts{Seen: 501})
	now = now.Add(drawEvery)
	s.filter.Limit = 500
	stderr.Reset()
	report.progress(deadletter.Counts{Seen: 500, Unchosen: 50, Replayed: 450})
	assert.Contains(t, stderr.String(), " 90 %  450 replayed")
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 60_000: "60,000", 1_234_567: "1,234,567"} {
		assert.Equal(t, want, thousands(n))
	}
	require.Equal(t, "1 letter", plural(1, "letter"))
}
