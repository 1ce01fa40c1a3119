package alerts_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/alerts"
)

// calm is a queue of which nothing holds, and of which everything is known.
func calm() alerts.Queue {
	return alerts.Queue{
		Name: "email", Ready: new(999), Consumers: new(1), Dead: new(0), Paused: new(false),
		Work: &alerts.Work{Over: alerts.Window, Ended: 1000, Failed: 49, Wait: new(alerts.DefaultWait - time.Millisecond)},
	}
}

func TestCheckOfAQueue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change    func(*alerts.Queue)
		finding   alerts.Finding // none where its condition is empty
		unchecked []alerts.Condition
	}{
		"calm": {change: func(*alerts.Queue) {}},
		"backlog": {
			change: func(q *alerts.Queue) { q.Ready = new(1000) },
			finding: alerts.Finding{Condition: alerts.Backlog, Severity: alerts.Warning, Value: 1000, Threshold: 1000,
				Text:   "1000 tasks wait for a worker (limit 1000)",
				Remedy: "start more workers, or raise queues.email.concurrency, where the machines are not busy"},
		},
		"failure rate": {
			change: func(q *alerts.Queue) { q.Work.Failed = 50 },
			finding: alerts.Finding{Condition: alerts.FailureRate, Severity: alerts.Warning, Value: 0.05, Threshold: 0.05,
				Text:   "5 % of 1000 attempts failed in the last 5m (limit 5 %)",
				Remedy: "warren history --since 5m --queue email --event retried --event dead"},
		},
		"failures among few": {change: func(q *alerts.Queue) { q.Work.Ended, q.Work.Failed = 19, 19 }},
		"nothing has ended":  {change: func(q *alerts.Queue) { q.Work = &alerts.Work{Over: alerts.Window} }},
		"failures of a shorter window": {
			change: func(q *alerts.Queue) { q.Work.Over, q.Work.Ended, q.Work.Failed = 90*time.Second, 3000, 2999 },
			finding: alerts.Finding{Condition: alerts.FailureRate, Severity: alerts.Warning, Value: 2999. / 3000, Threshold: 0.05,
				Text:   "99.9 % of 3000 attempts failed in the last 1m30s (limit 5 %)",
				Remedy: "warren history --since 5m --queue email --event retried --event dead"},
		},
		"wait": {
			change: func(q *alerts.Queue) { q.Work.Wait = new(2 * time.Hour) },
			finding: alerts.Finding{Condition: alerts.Wait, Severity: alerts.Warning, Value: 7200, Threshold: 300,
				Text:   "tasks waited 2h on average in the last 5m (limit 5m)",
				Remedy: "start more workers, or raise queues.email.concurrency, where the machines are not busy"},
		},
		"dead": {
			change: func(q *alerts.Queue) { q.Dead = new(1) },
			finding: alerts.Finding{Condition: alerts.Dead, Severity: alerts.Warning, Value: 1, Threshold: 1,
				Text: "1 dead letter", Remedy: "warren dead groups email"},
		},
		"no consumer": {
			change: func(q *alerts.Queue) { q.Consumers = new(0) },
			finding: alerts.Finding{Condition: alerts.NoConsumer, Severity: alerts.Critical, Threshold: 1,
				Text: "no worker consumes the queue", Remedy: "start a worker for it: worker --queue email"},
		},
		"no consumer, perhaps paused": {
			change: func(q *alerts.Queue) { q.Consumers, q.Paused = new(0), nil },
			finding: alerts.Finding{Condition: alerts.NoConsumer, Severity: alerts.Critical, Threshold: 1,
				Text:   "no worker consumes the queue, unless it is paused, which is not known",
				Remedy: "start a worker for it: worker --queue email"},
		},
		"paused": {change: func(q *alerts.Queue) { q.Consumers, q.Paused = new(0), new(true) }},
		"missing": {
			change: func(q *alerts.Queue) { q.Missing, q.Ready, q.Consumers = true, nil, nil },
			finding: alerts.Finding{Condition: alerts.NoConsumer, Severity: alerts.Critical, Threshold: 1,
				Text: "the queue does not exist: no worker has begun to consume it", Remedy: "start a worker for it: worker --queue email"},
		},
		"missing and paused": {change: func(q *alerts.Queue) { q.Missing, q.Paused = true, new(true) }},
		"nothing is known": {
			change:    func(q *alerts.Queue) { *q = alerts.Queue{Name: "email"} },
			unchecked: []alerts.Condition{alerts.NoConsumer, alerts.Backlog, alerts.FailureRate, alerts.Wait, alerts.Dead},
		},
		"paused is all that is known": {
			change:    func(q *alerts.Queue) { *q = alerts.Queue{Name: "email", Paused: new(true)} },
			unchecked: []alerts.Condition{alerts.Backlog, alerts.FailureRate, alerts.Wait, alerts.Dead},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := calm()
			test.change(&q)
			r := alerts.Check(&alerts.Reading{Queues: []alerts.Queue{q}, Parked: new(0)}, alerts.Thresholds{})
			if test.finding.Condition == "" {
				assert.Empty(t, r.Findings)
			} else {
				test.finding.Queue = "email"
				assert.Equal(t, []alerts.Finding{test.finding}, r.Findings)
			}
			var unchecked []alerts.Condition
			for _, u := range r.Unchecked {
				assert.Equal(t, "email", u.Queue)
				unchecked = append(unchecked, u.Condition)
			}
			assert.Equal(t, test.unchecked, unchecked)
		})
	}
}

func TestCheckOfTheWhole(t *testing.T) {
	t.Parallel()
	dead := calm()
	dead.Dead, dead.Ready = new(12), new(5000)
	idle := calm()
	idle.Name, idle.Consumers = "import", new(0)
	r := alerts.Check(&alerts.Reading{Queues: []alerts.Queue{dead, idle}, Parked: new(2), Entries: 3, Led: new(false)}, alerts.Thresholds{})
	var told []string
	for _, f := range r.Findings {
		told = append(told, f.Queue+" "+string(f.Condition)+": "+f.Text)
	}
	assert.Equal(t, []string{
		" no-leader: no scheduler leads: 3 entries of the schedule do not fire",
		"import no-consumer: no worker consumes the queue",
		"email backlog: 5000 tasks wait for a worker (limit 1000)",
		"email dead: 12 dead letters",
		" parked: 2 tasks are parked: no queue wanted their keys",
	}, told, "critical first")
	assert.Empty(t, r.Unchecked)
	assert.Equal(t, "warren dead groups --unrouted", r.Findings[4].Remedy)
	assert.Equal(t, "start a scheduler; warren schedule ls tells who led last", r.Findings[0].Remedy)

	assert.Empty(t, alerts.Check(&alerts.Reading{Parked: new(0), Led: new(false)}, alerts.Thresholds{}), "without a schedule nobody has to lead")
	assert.Empty(t, alerts.Check(&alerts.Reading{Parked: new(0), Entries: 1, Led: new(true)}, alerts.Thresholds{}))
	assert.Equal(t, alerts.Report{Unchecked: []alerts.Unchecked{{Condition: alerts.NoLeader}, {Condition: alerts.Parked}}},
		alerts.Check(&alerts.Reading{Entries: 1}, alerts.Thresholds{}))
}

func TestThresholds(t *testing.T) {
	t.Parallel()
	q := calm()
	q.Dead = new(1)
	at := func(th alerts.Thresholds) (found []alerts.Condition) {
		for _, f := range alerts.Check(&alerts.Reading{Queues: []alerts.Queue{q}, Parked: new(0)}, th).Findings {
			found = append(found, f.Condition)
		}
		return found
	}
	assert.Equal(t, []alerts.Condition{alerts.Dead}, at(alerts.Thresholds{}))
	assert.Equal(t, []alerts.Condition{alerts.Backlog, alerts.Dead}, at(alerts.Thresholds{Backlog: 999}))
	assert.Equal(t, []alerts.Condition{alerts.FailureRate, alerts.Dead}, at(alerts.Thresholds{FailureRate: 0.049}))
	assert.Equal(t, []alerts.Condition{alerts.Dead}, at(alerts.Thresholds{FailureRate: 0.049, MinEnded: 1001}))
	assert.Equal(t, []alerts.Condition{alerts.Wait, alerts.Dead}, at(alerts.Thresholds{Wait: time.Minute}))
}

// Each condition of each queue is found, unchecked, or does not hold, and never two of these.
func TestCheckIsWhole(t *testing.T) {
	t.Parallel()
	optional := func(t *rapid.T, label string) *int { return rapid.Ptr(rapid.IntRange(0, 2), true).Draw(t, label) }
	rapid.Check(t, func(t *rapid.T) {
		q := alerts.Queue{
			Name: "q", Missing: rapid.Bool().Draw(t, "missing"), Ready: optional(t, "ready"), Consumers: optional(t, "consumers"),
			Dead: optional(t, "dead"), Paused: rapid.Ptr(rapid.Bool(), true).Draw(t, "paused"),
		}
		if rapid.Bool().Draw(t, "worked") {
			q.Work = &alerts.Work{Over: alerts.Window, Ended: rapid.IntRange(0, 3).Draw(t, "ended")}
			q.Work.Failed = rapid.IntRange(0, q.Work.Ended).Draw(t, "failed")
		}
		reading := alerts.Reading{Queues: []alerts.Queue{q}, Parked: optional(t, "parked"), Entries: 1, Led: rapid.Ptr(rapid.Bool(), true).Draw(t, "led")}
		r := alerts.Check(&reading, alerts.Thresholds{Backlog: 1, MinEnded: 1})
		seen := map[alerts.Condition]bool{}
		for _, f := range r.Findings {
			assert.False(t, seen[f.Condition], f.Condition)
			seen[f.Condition] = true
			assert.Contains(t, alerts.Conditions(), f.Condition)
			assert.Equal(t, f.Condition.Severity(), f.Severity)
			assert.NotEmpty(t, f.Text)
			assert.NotEmpty(t, f.Remedy)
			if f.Condition == alerts.NoConsumer || f.Condition == alerts.NoLeader {
				assert.Less(t, f.Value, f.Threshold)
			} else {
				assert.GreaterOrEqual(t, f.Value, f.Threshold)
			}
		}
		for _, u := range r.Unchecked {
			assert.False(t, seen[u.Condition], u.Condition)
			seen[u.Condition] = true
		}
	})
}

func TestParseCondition(t *testing.T) {
	t.Parallel()
	for _, c := range alerts.Conditions() {
		parsed, err := alerts.ParseCondition(string(c))
		require.NoError(t, err)
		assert.Equal(t, c, parsed)
	}
	_, err := alerts.ParseCondition("deaf")
	require.EqualError(t, err, `"deaf" is none of no-leader, no-consumer, backlog, failure-rate, wait, dead, parked`)
}
