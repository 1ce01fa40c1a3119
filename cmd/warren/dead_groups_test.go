package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

// letters are messages of a queue.
type letters []tasks.Message

func (l letters) Browse(_ context.Context, _ string, _ int, each func(tasks.Message) bool) error {
	for _, m := range l {
		if !each(m) {
			break
		}
	}
	return nil
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)

// deadLetter is a letter as a worker makes it.
func deadLetter(id, key, reason, text string, at time.Time) tasks.Message {
	return tasks.Message{MessageID: id, RoutingKey: "email", Headers: map[string]any{
		tasks.HeaderRoutingKey: key, tasks.HeaderDeadReason: reason, tasks.HeaderError: text,
		tasks.HeaderQueue: "email", tasks.HeaderFailedAt: at.UTC().Format(time.RFC3339),
	}}
}

func TestGroupTable(t *testing.T) {
	var stdout, stderr bytes.Buffer
	c := &cli{stdout: &output{Writer: &stdout}, stderr: &stderr, now: func() time.Time { return noon }}
	require.NoError(t, c.printGroups(nil, false, false))
	assert.Equal(t, "warren: no letter is one of these\n", stderr.String())

	var groups deadletter.Groups
	require.NoError(t, group(t.Context(), letters{
		deadLetter("1", "email.welcome", "permanent", "no user 7", noon.Add(-time.Hour)),
		deadLetter("2", "email.bye", "permanent", "no user 8", noon.Add(-time.Minute)),
		deadLetter("3", "email.bye", "attempts-exhausted", "dial tcp 10.0.0.1:25: connection refused", noon.Add(-24*time.Hour)),
	}, "email.dead", deadletter.Filter{}, &groups))
	require.NoError(t, group(t.Context(), letters{{RoutingKey: "nobody.wants"}}, "warren.unrouted", deadletter.Filter{}, &groups))
	require.NoError(t, group(t.Context(), letters{{RoutingKey: "nobody"}}, "warren.unrouted", deadletter.Filter{ID: "7"}, &groups))
	require.NoError(t, c.printGroups(groups.List(), true, false))
	assert.Equal(t, `COUNT  QUEUE            REASON              KEYS          FIRST             LAST              ERROR
    2  email            permanent           email.*       11:00:00          11:59:00          no user <n>
    1  email            attempts-exhausted  email.bye     2026-11-21 12:00  2026-11-21 12:00  dial tcp <addr>: connection refused
    1  warren.unrouted  -                   nobody.wants  -                 -                 -
`, stdout.String())

	stdout.Reset()
	require.NoError(t, c.printGroups([]deadletter.Group{{Count: 412, Queue: "email", Reason: tasks.ReasonPermanent, Keys: "email.#", Others: true}}, false, false))
	assert.Equal(t, "COUNT  REASON     KEYS     FIRST  LAST  ERROR\n  412  permanent  email.#  -      -     (of more than 1000 kinds)\n", stdout.String())

	stdout.Reset()
	require.NoError(t, c.printGroups(groups.List()[:1], true, true))
	assert.Regexp(t, `^{"count":2,"queue":"email","reason":"permanent","error":"no user <n>","keys":"email.\*","first":"[^"]*","last":"[^"]*","example":"1"}\n$`, stdout.String())
}
