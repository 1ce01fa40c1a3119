//go:build integration

package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// The story of one task: enqueued, tried three times, dead, replayed, done; each line by itself says what
// happened, when, where, by whom and why.
func TestHistoryOfOneTask(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	recorder, err := history.New(s.client, history.Config{Stream: s.client.Names().History()})
	require.NoError(t, err)
	var mended atomic.Bool
	mux := tasks.NewMux()
	mux.HandleFunc("email.#", func(context.Context, *tasks.Task) error {
		if mended.Load() {
			return nil
		}
		return errors.New("smtp.example.com: connection refused")
	})
	w, err := worker.New(s.client, worker.Config{
		Name: "worker-1", Grace: -1, Events: recorder,
		Queues: []worker.Queue{{
			Name: "email", Routes: []string{"email.#"}, Mux: mux,
			Retry: tasks.RetryPolicy{MaxAttempts: 3, Initial: 10 * time.Millisecond, Factor: 1, Jitter: tasks.NoJitter},
		}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	stop := func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, recorder.Close(s.ctx))
	}

	require.Equal(t, exitDone, s.run("enqueue", "email.welcome", "--id", "story").code)
	require.Equal(t, exitDone, s.run("enqueue", "email.bye", "--id", "other", "--delay", "1h").code)
	s.awaitDead("email.dead", 1)
	mended.Store(true)
	o := s.run("dead", "replay", "email", "--id", "story", "--yes")
	require.Equal(t, exitDone, o.code, o.stderr)
	require.Eventually(t, func() bool {
		o = s.run("history", "--task", "story", "--event", "succeeded", "--json")
		return strings.Contains(o.stdout, `"story"`)
	}, patience, pollEvery)
	stop()

	o = s.run("history", "--task", "story")
	require.Equal(t, exitDone, o.code, o.stderr)
	plain := regexp.MustCompile(`....-..-.. ..:..:..\....`).ReplaceAllString(o.stdout, "TIME")
	plain = regexp.MustCompile(`[0-9.]+(µs|ms|s)\b`).ReplaceAllString(plain, "N")
	plain = regexp.MustCompile(`(?m) +`).ReplaceAllString(plain, " ")
	assert.Equal(t, `AT EVENT ID KEY QUEUE ATTEMPT WAIT TOOK WORKER DETAIL
TIME enqueued story email.welcome - - - - - by guest
TIME retried story email.welcome email 1 N N worker-1 smtp.example.com: connection refused
TIME retried story email.welcome email 2 N N worker-1 smtp.example.com: connection refused
TIME dead story email.welcome email 3 N N worker-1 attempts-exhausted: smtp.example.com: connection refused
TIME replayed story email.welcome email 3 - - - by guest: attempts-exhausted
TIME succeeded story email.welcome email 1 N N worker-1 -
`, plain)

	assert.Equal(t, 2, strings.Count(s.run("history", "--json", "--key", "email.*", "--event", "enqueued").stdout, "\n"))
	assert.Equal(t, 1, strings.Count(s.run("history", "--json", "--key", "email.bye").stdout, "\n"))
	assert.Empty(t, s.run("history", "--json", "--before", "1h").stdout)
	assert.Equal(t, 7, strings.Count(s.run("history", "--json", "--before", "0s").stdout, "\n"))
}

// Following a history that does not exist yet says so, and begins when it does.
func TestHistoryFollowsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := file(t, "broker: {prefix: other}\n") // under which nothing is declared
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	errs := &watched{lines: make(chan string, 10)}
	exited := make(chan int, 1)
	go func() {
		exited <- run(ctx, []string{"history", "--follow", "--json", "-c", path}, strings.NewReader(""), t.Output(), errs, s.lookup)
	}()
	select {
	case line := <-errs.lines:
		assert.Contains(t, line, "no such queue: a worker or a scheduler that starts declares it; it is waited for")
	case <-s.ctx.Done():
		require.FailNow(t, "nothing is said")
	}
	stop()
	assert.Equal(t, exitDone, <-exited)
}
