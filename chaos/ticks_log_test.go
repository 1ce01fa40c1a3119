package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leads and leadsNoMore are what a scheduler says, at a second.
func leads(process string, seconds float64, term uint64) event {
	return event{process: process, At: at(seconds), Kind: eventLeading, Term: term}
}

func leadsNoMore(process string, seconds float64, term uint64) event {
	return event{process: process, At: at(seconds), Kind: eventNotLeading, Term: term, Reason: "lost"}
}

func emitted(process string, seconds float64) event {
	return event{process: process, At: at(seconds), Kind: eventEmitted, Entry: "secondly"}
}

func TestTapReadsLines(t *testing.T) {
	c := newChronicle()
	_, more := c.told()
	out := c.tap("scheduler-1.1")
	for _, part := range []string{
		`{"time":"2026-11-22T18:00:00.5Z","msg":"scheduler running"}` + "\n" + `{"time":"2026-11-22T18:00:01.5Z","level":"INFO","msg":"lead`,
		`ing","term":3}` + "\nnot JSON\n",
		`{"time":"2026-11-22T18:00:02.25Z","msg":"tick emitted","entry":"secondly","scheduled_for":"2026-11-22T19:00:02+01:00","id":"x","term":3}` + "\n",
		`{"time":"2026-11-22T18:00:03Z","msg":"not leading any more","term":3,"reason":"lost"}` + "\n",
		`{"time":"2026-11-22T18:00:04Z","msg":"leading","term":4}`,
	} {
		n, err := out.Write([]byte(part))
		require.NoError(t, err)
		assert.Equal(t, len(part), n)
	}
	<-more
	events, _ := c.told()
	begin := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	require.Len(t, events, 3, "the last line has no end: a kill has cut it")
	assert.Equal(t, event{process: "scheduler-1.1", At: begin.Add(1500 * time.Millisecond), Kind: eventLeading, Term: 3}, events[0])
	assert.True(t, begin.Add(2*time.Second).Equal(events[1].Fire))
	assert.Equal(t, "x", events[1].ID)
	assert.Equal(t, "lost", events[2].Reason)
}

func TestLeader(t *testing.T) {
	for name, one := range map[string]struct {
		events []event
		leads  string
	}{
		"nobody":              {nil, ""},
		"one":                 {[]event{leads("a", 1, 1), emitted("a", 2)}, "a"},
		"gave it up":          {[]event{leads("a", 1, 1), leadsNoMore("a", 2, 1)}, ""},
		"again":               {[]event{leads("a", 1, 1), leadsNoMore("a", 2, 1), leads("a", 3, 2)}, "a"},
		"another":             {[]event{leads("a", 1, 1), leads("b", 3, 2)}, "b"},
		"told late":           {[]event{leads("b", 3, 2), leads("a", 1, 1)}, "b"},
		"the one before quit": {[]event{leads("a", 1, 1), leads("b", 3, 2), leadsNoMore("a", 4, 1)}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			e, is := leader(one.events)
			assert.Equal(t, one.leads, e.process)
			assert.Equal(t, one.leads != "", is)
		})
	}
}

func TestAwaitLeader(t *testing.T) {
	c := newChronicle()
	found := make(chan event, 1)
	failed := make(chan error, 1)
	go func() {
		e, err := c.awaitLeader(t.Context(), func(process string) bool { return process == "dead" })
		found <- e
		failed <- err
	}()
	c.add(leads("dead", 1, 1))
	c.add(leads("b", 2, 2))
	assert.Equal(t, "b", (<-found).process)
	require.NoError(t, <-failed)

	ctx, cancel := context.WithCancelCause(t.Context())
	over := fmt.Errorf("over")
	cancel(over)
	_, err := c.awaitLeader(ctx, func(string) bool { return true })
	assert.ErrorIs(t, err, over)
}

func TestURLOf(t *testing.T) {
	connected := func(process, what, url string) event {
		return event{process: process, Kind: eventConnected, Connection: what, URL: url}
	}
	events := []event{
		connected("a", "publish", "amqp://one/"), connected("a", "append", "amqp://one/"), connected("a", "read", "amqp://two/"),
		connected("b", "publish", "amqp://three/"),
	}
	assert.Equal(t, "amqp://one/", urlOf(events, "a"))
	events = append(events, connected("a", "append", "amqp://two/"))
	assert.Equal(t, "amqp://two/", urlOf(events, "a"), "the newest of each")
	assert.Empty(t, urlOf(events, "c"))
	assert.True(t, sameNode("amqp://guest:guest@127.0.0.1:1/", "amqp://127.0.0.1:1/"))
	assert.False(t, sameNode("amqp://guest:guest@127.0.0.1:1/", "amqp://127.0.0.1:2/"))
	assert.False(t, sameNode("amqp://guest:guest@127.0.0.1:1/", ""))
}
