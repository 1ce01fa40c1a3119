package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

var (
	succeeds = &kind{name: "succeeds", ends: done}
	delayed  = &kind{name: "delayed", delay: time.Second, ends: done}
	fails    = &kind{name: "fails", ends: dead, reason: tasks.ReasonPermanent}
	unwanted = &kind{name: "unwanted", ends: parked}
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

func at(id string, attempt, status int, after time.Duration) run {
	return run{id: id, attempt: attempt, status: status, at: noon.Add(after)}
}

func TestBalanceHolds(t *testing.T) {
	l := newLedger()
	for id, k := range map[string]*kind{"a": succeeds, "b": succeeds, "c": fails, "d": unwanted} {
		l.publish(id, k, noon)
	}
	l.record(at("a", 1, http.StatusOK, 10*time.Millisecond))
	l.record(at("b", 1, http.StatusServiceUnavailable, 30*time.Millisecond))
	l.record(at("b", 2, http.StatusOK, time.Second))
	l.record(at("b", 2, http.StatusOK, 2*time.Second))
	l.record(at("c", 1, http.StatusUnprocessableEntity, 0))
	l.record(at("not ours", 1, http.StatusOK, 0))
	ended, published := l.settled()
	assert.Equal(t, [2]int{2, 4}, [2]int{ended, published}, "what is dead or parked is not yet known")

	l.find(map[string]tasks.Reason{"c": tasks.ReasonPermanent, "older": tasks.ReasonExpired}, map[string]bool{"d": true})
	ended, _ = l.settled()
	assert.Equal(t, 4, ended)

	b := l.balance()
	assert.Empty(t, b.findings)
	assert.True(t, b.holds())
	assert.Equal(t, line{published: 4, done: 2, retried: 1, dead: 1, parked: 1}, b.total)
	assert.Equal(t, line{published: 2, done: 2, retried: 1}, *b.lines[succeeds])
	assert.Equal(t, map[tasks.Reason]int{tasks.ReasonPermanent: 1}, b.reasons)
	assert.Equal(t, 1, b.duplicates)
	assert.Equal(t, 1, b.strays)
	assert.Equal(t, 20*time.Millisecond, b.waits["succeeds"].mean(), "to the first run")
	assert.Equal(t, "balance: 4 published = 2 done + 1 dead + 1 parked: holds", b.String())
}

func TestBalanceFinds(t *testing.T) {
	tests := map[string]struct {
		kind   *kind
		runs   []run
		dead   map[string]tasks.Reason
		parked bool
		want   string
	}{
		"missing":           {kind: succeeds, want: "a (succeeds): missing: it is neither done nor dead nor parked"},
		"failed, not dead":  {kind: fails, runs: []run{at("a", 1, 422, 0)}, want: "a (fails): missing: it is neither done nor dead nor parked"},
		"done and dead":     {kind: succeeds, runs: []run{at("a", 1, 200, 0)}, dead: map[string]tasks.Reason{"a": "x"}, want: "a (succeeds): in more than one place: [done dead]"},
		"parked, unwanted":  {kind: succeeds, parked: true, want: "a (succeeds): parked, and should be done"},
		"dead, other cause": {kind: fails, dead: map[string]tasks.Reason{"a": tasks.ReasonExpired}, want: `a (fails): dead by "expired", and should be by "permanent"`},
		"early": {
			kind: delayed,
			runs: []run{{id: "a", attempt: 1, status: 200, at: noon, notBefore: noon.Add(5 * time.Millisecond)}},
			want: "a (delayed): attempt 1 ran 5ms too early",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLedger()
			l.publish("a", test.kind, noon)
			for _, r := range test.runs {
				l.record(r)
			}
			l.find(test.dead, map[string]bool{"a": test.parked})
			b := l.balance()
			assert.Equal(t, []string{test.want}, b.findings)
			assert.False(t, b.holds())
			assert.Contains(t, b.String(), "DOES NOT HOLD")
		})
	}
}

func TestLatenessIsOfTheFirstRunOfDelayedTasks(t *testing.T) {
	l := newLedger()
	l.publish("a", delayed, noon)
	l.publish("b", succeeds, noon)
	l.record(run{id: "a", attempt: 1, status: 503, notBefore: noon, at: noon.Add(3 * time.Millisecond)})
	l.record(run{id: "a", attempt: 2, status: 200, notBefore: noon.Add(time.Second), at: noon.Add(2 * time.Second)})
	l.record(run{id: "b", attempt: 2, status: 200, notBefore: noon, at: noon.Add(time.Second)})
	assert.Equal(t, durations{3 * time.Millisecond}, l.balance().lateness)
}

// A tick runs before the scheduler's log is read.
func TestRunBeforePublishingCounts(t *testing.T) {
	l := newLedger()
	l.record(at("a", 1, http.StatusOK, 0))
	l.publish("a", succeeds, noon)
	b := l.balance()
	assert.True(t, b.holds(), b.findings)
	assert.Zero(t, b.strays)
}

// Whatever happens to tasks, the balance holds if and only if each is in the one place where it
// should be, and the total is the sum of the kinds.
func TestBalanceHoldsExactlyWhereEveryTaskIsInItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger()
		letters, waiting := map[string]tasks.Reason{}, map[string]bool{}
		right := true
		for _, id := range strings.Split("abcdef", "") {
			k := rapid.SampledFrom([]*kind{succeeds, fails, unwanted}).Draw(t, "kind")
			l.publish(id, k, noon)
			var places []place
			for _, p := range []place{done, dead, parked} {
				if rapid.Bool().Draw(t, p.String()) {
					places = append(places, p)
				}
			}
			for _, p := range places {
				switch p {
				case done:
					l.record(at(id, 1, http.StatusNoContent, 0))
				case dead:
					letters[id] = tasks.ReasonPermanent
				case parked:
					waiting[id] = true
				}
			}
			right = right && len(places) == 1 && places[0] == k.ends
		}
		l.find(letters, waiting)
		b := l.balance()
		assert.Equal(t, right, b.holds())
		var sum line
		for _, one := range b.lines {
			sum.add(*one)
		}
		assert.Equal(t, sum, b.total)
		assert.Equal(t, 6, b.total.published)
	})
}
