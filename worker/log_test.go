//go:build integration

package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/internal/logging"
	"github.com/warrenmq/warren/internal/logtest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// outcomesIn are the lines of a log that tell of an outcome, each under the task's ID, its attempt and the outcome.
func outcomesIn(t *testing.T, l *logtest.Log) map[string][]map[string]any {
	t.Helper()
	found := map[string][]map[string]any{}
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		if line["outcome"] == nil {
			continue
		}
		name := fmt.Sprintf("%v #%v %v", line["id"], line["attempt"], line["outcome"])
		found[name] = append(found[name], line)
	}
	return found
}

// The canaries: what is in a payload, in a header, in a result and in a note of progress is in no line,
// nor what the handler of an encrypted task tells. The password of the URL is in none either.
const (
	canary         = "canary-4711"
	canaryPassword = "canary-password"
)

// tellsAll is a handler that gives away what it can.
func tellsAll(ctx context.Context, task *tasks.Task) error {
	tasks.SetResult(ctx, tasks.Result{Body: []byte(canary)})
	tasks.Progress(ctx, 50, canary)
	secret := "refused"
	if task.Queue == "sealed" {
		secret += " " + canary
	}
	again := task.Attempt > 1 || task.Settlement > 0
	switch _, what, _ := strings.Cut(task.Key, "."); {
	case what == "fail" && !again:
		return errors.New(secret)
	case what == "snooze" && !again:
		return tasks.Snooze(time.Millisecond)
	case what == "permanent":
		return tasks.Permanent(errors.New(secret))
	case what == "panic":
		panic(secret)
	case what == "long":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// Each outcome is one line, with the same keys, and no line gives away what is the task's own.
func TestLog(t *testing.T) {
	t.Parallel()
	f := setup(t)
	log := &logtest.Log{}
	logger := logging.New(log, slog.LevelDebug)
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	keys, err := encryption.ParseKeyset(data)
	require.NoError(t, err)
	client, err := broker.Connect(f.ctx, broker.Config{URLs: []string{f.vhost.URL}, Log: logger})
	require.NoError(t, err)
	t.Cleanup(client.Close)

	type typed struct {
		N int8 `json:"n"`
	}
	queue := func(name string, around ...tasks.Middleware) worker.Queue {
		mux := handle(name+".*", tellsAll)
		tasks.Define[typed](name+".typed").Handle(mux, func(context.Context, typed) error { return nil })
		return worker.Queue{Name: name, Routes: []string{name + ".#"}, Mux: mux, Middleware: around, Retry: soon}
	}
	stop := f.runOn(client, worker.Config{Log: logger, Grace: -1, Queues: []worker.Queue{
		queue("plain"), queue("sealed", encryption.Middleware(keys, encryption.Config{Log: logger})),
	}})

	want := map[string]string{} // of each line its reason, where it has one
	all := []string{"id", "key", "queue", "worker", "attempt", "outcome", "level", "msg", "time"}
	ran := append([]string{"wait", "took"}, all...)
	wantKeys := map[string][]string{}
	expect := func(queue, what, rest, reason string, keys ...string) {
		name := queue + "-" + what + " " + rest
		want[name], wantKeys[name] = reason, append(keys, "schedule", "batch")
	}
	past := time.Now().Add(-time.Hour)
	for name, to := range map[string]tasks.Enqueuer{"plain": client, "sealed": encryption.New(client, keys)} {
		enqueue := func(what string, change func(*tasks.Task)) {
			task := tasks.Task{
				ID: name + "-" + what, Key: name + "." + what, Payload: []byte(`{"n": 987654321987, "secret": "` + canary + `"}`),
				Headers: map[string]any{"tenant": canary}, ReplyTo: "nobody", Schedule: "daily", ScheduledFor: past, BatchID: "b", BatchIndex: 1, BatchTotal: 1,
			}
			if change != nil {
				change(&task)
			}
			_, err := to.Enqueue(f.ctx, task)
			require.NoError(t, err)
		}
		enqueue("good", nil)
		expect(name, "good", "#1 succeeded", "", ran...)
		enqueue("fail", nil)
		expect(name, "fail", "#1 retried", "", append([]string{"in", "error"}, ran...)...)
		expect(name, "fail", "#2 succeeded", "", ran...)
		enqueue("snooze", nil)
		expect(name, "snooze", "#1 snoozed", "", append([]string{"in"}, ran...)...)
		expect(name, "snooze", "#1 succeeded", "", ran...)
		deadKeys := append([]string{"reason", "error"}, ran...)
		enqueue("permanent", nil)
		expect(name, "permanent", "#1 dead", "permanent", deadKeys...)
		enqueue("panic", func(task *tasks.Task) { task.MaxAttempts = 1 })
		expect(name, "panic", "#1 dead", "attempts-exhausted", deadKeys...)
		enqueue("typed", nil)
		expect(name, "typed", "#1 dead", "malformed", deadKeys...)
		enqueue("no.body", nil)
		expect(name, "no.body", "#1 dead", "no-handler", deadKeys...)
		enqueue("expired", func(task *tasks.Task) { task.ExpiresAt = past })
		expect(name, "expired", "#1 dead", "expired", deadKeys...)
		enqueue("revoked.long", func(task *tasks.Task) { task.Key = name + ".long" })
		expect(name, "revoked.long", "#1 revoked", "revoked", deadKeys...)
	}
	f.publish("warren.tasks", "plain.header", amqp.Publishing{
		MessageId: "plain-header", Body: []byte(canary), Headers: amqp.Table{tasks.HeaderAttempt: "one", "tenant": canary},
	})
	want["plain-header #1 dead"], wantKeys["plain-header #1 dead"] = "malformed", append([]string{"reason", "error"}, all...)
	f.eventually(func() bool { return strings.Count(log.String(), `"outcome"`) >= len(want)-2 }, "all but what is revoked")
	f.tell(control.Record{Kind: control.Revoke, ID: "plain-revoked.long"}, control.Record{Kind: control.Revoke, ID: "sealed-revoked.long"})
	f.eventually(func() bool { return strings.Count(log.String(), `"outcome"`) >= len(want) }, "what is revoked")

	f.enqueue(tasks.Task{ID: "plain-returned", Key: "plain.long", Payload: []byte(canary)})
	want["plain-returned #1 returned"], wantKeys["plain-returned #1 returned"] = "", ran
	f.eventually(func() bool { return f.depth("plain") == 0 }, "it is under way")
	require.NoError(t, stop())

	found := outcomesIn(t, log)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(found)))
	for name, lines := range found {
		require.Len(t, lines, 1, name)
		line := lines[0]
		assert.ElementsMatch(t, wantKeys[name], slices.Collect(maps.Keys(line)), name)
		assert.Equal(t, "tester", line["worker"], name)
		if reason, has := line["reason"]; has {
			assert.Equal(t, want[name], reason, name)
		}
	}
	for text := range strings.Lines(log.String()) {
		assert.NotContains(t, text, canary)
		assert.NotContains(t, text, "987654321987")
	}
	assert.Equal(t, 2, strings.Count(log.String(), `"stack"`), "of each panic, in a line of its own")
}

// What cannot connect says so without the password.
func TestLogOfAConnectionThatFails(t *testing.T) {
	t.Parallel()
	log := &logtest.Log{}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cfg := broker.Config{
		URLs:       []string{"amqp://guest:" + canaryPassword + "@127.0.0.1:1/"},
		Management: "http://guest:" + canaryPassword + "@127.0.0.1:1", Log: logging.New(log, slog.LevelDebug),
	}
	soonOver, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	_, err := broker.Connect(soonOver, cfg)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), canaryPassword)
	assert.Contains(t, log.String(), "no connection to RabbitMQ")
	assert.NotContains(t, log.String(), canaryPassword)
}
