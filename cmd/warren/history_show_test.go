//go:build integration

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/history"
)

func (s *site) tell(events ...history.Event) {
	s.t.Helper()
	for i := range events {
		events[i].At = time.Now()
	}
	require.NoError(s.t, history.Append(s.ctx, s.client, s.client.Names().History(), events...))
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	o := s.run("history")
	assert.Equal(t, exitDone, o.code, o.stderr)
	assert.Equal(t, "warren: the history has none of these\n", o.stderr)
	o = s.run("history", "--batch", "b")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, `the history has nothing of batch "b"`)

	took := history.Millis(12.5)
	s.tell(
		history.Event{Event: history.Retried, ID: "1", Key: "email.welcome", Queue: "email", Attempt: 1, Worker: "w", Wait: &took, Error: "refused"},
		history.Event{Event: history.Succeeded, ID: "1", Key: "email.welcome", Queue: "email", Attempt: 2, Worker: "w", Duration: &took},
	)
	s.tell(history.Event{Event: history.Paused, Queue: "bulk", By: "guest"})
	chunk := func(kind history.Kind, index int) history.Event {
		return history.Event{Event: kind, ID: fmt.Sprint("c", index), Queue: "bulk", Batch: "b", BatchIndex: index, BatchTotal: 6}
	}
	s.tell(chunk(history.Succeeded, 1), chunk(history.Succeeded, 1), chunk(history.Dead, 2), chunk(history.Started, 3), chunk(history.Retried, 4))

	o = s.run("history", "--queue", "email")
	require.Equal(t, exitDone, o.code, o.stderr)
	lines := strings.Split(o.stdout, "\n")
	require.Len(t, lines, 4)
	assert.Regexp(t, `^AT +EVENT +ID  KEY +QUEUE  ATTEMPT +WAIT +TOOK  WORKER  DETAIL$`, lines[0])
	assert.Regexp(t, `^....-..-.. ..:..:..\.... +retried +1 +email\.welcome +email +1 +12\.5ms +- +w +refused$`, lines[1])
	assert.Regexp(t, `succeeded +1 +email\.welcome +email +2 +- +12\.5ms +w +-$`, lines[2])

	o = s.run("history", "--json", "--event", "paused", "--event", "succeeded", "--since", "1h")
	var kinds []history.Kind
	for line := range strings.Lines(o.stdout) {
		var e history.Event
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		kinds = append(kinds, e.Event)
	}
	assert.Equal(t, []history.Kind{history.Succeeded, history.Paused, history.Succeeded, history.Succeeded}, kinds)
	assert.Equal(t, 2, strings.Count(s.run("history", "--task", "1", "--json").stdout, `"id":"1"`))

	o = s.run("history", "--batch", "b")
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, `BATCH  TOTAL  DONE  DEAD  RUNNING  WAITING  MISSING
b          6     1     1        1        1        2
dead: 2
missing: 5-6
`, o.stdout)
	assert.Empty(t, o.stderr)
	for index := 2; index <= 6; index++ {
		s.tell(chunk(history.Succeeded, index))
	}
	o = s.run("history", "--batch", "b", "--json")
	assert.Equal(t, exitDone, o.code)
	assert.JSONEq(t, `{"batch":"b","total":6,"done":6,"dead":0,"running":0,"waiting":0,"missing":0,
		"dead_indexes":[],"missing_indexes":[],"gaps":0,"totals":1}`, o.stdout)
}

// What comes is printed as it comes, until the user has had enough.
func TestHistoryFollows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.tell(history.Event{Event: history.Succeeded, ID: "before"})
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	out := &watched{lines: make(chan string, 10)}
	exited := make(chan int, 1)
	go func() {
		exited <- run(ctx, []string{"history", "--follow", "--json"}, strings.NewReader(""), out, t.Output(), s.lookup)
	}()
	for _, id := range []string{"before", "after"} {
		if id == "after" {
			s.tell(history.Event{Event: history.Succeeded, ID: id})
		}
		select {
		case line := <-out.lines:
			assert.Contains(t, line, `"id":"`+id+`"`)
		case <-s.ctx.Done():
			require.FailNow(t, "nothing of "+id)
		}
	}
	stop()
	assert.Equal(t, exitDone, <-exited)
}

// watched gives each write to whoever looks.
type watched struct{ lines chan string }

func (w *watched) Write(p []byte) (int, error) {
	w.lines <- string(p)
	return len(p), nil
}
