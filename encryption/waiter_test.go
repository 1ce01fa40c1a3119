package encryption

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// runner is a tasks.Waiter that runs the task at once, as a worker with keys does, and keeps what it
// is told as the broker sees it.
type runner struct {
	handler tasks.Handler
	change  func(*tasks.Message)
	seen    []string
}

func (r *runner) EnqueueAndWait(ctx context.Context, t tasks.Task, wait tasks.Wait) (tasks.Reply, error) {
	t.Attempt = 1
	e := tasks.Executor{Handler: r.handler, Retry: tasks.RetryPolicy{MaxAttempts: 1}, Progress: func(_ *tasks.Task, e tasks.ProgressEvent) {
		m := tasks.ProgressMessage(&t, e)
		r.seen = append(r.seen, string(m.Body))
		_, event, err := tasks.ReadReply(m)
		if err == nil && wait.Progress != nil {
			wait.Progress(*event)
		}
	}}
	m := tasks.ReplyMessage(&t, e.Execute(ctx, &t))
	if r.change != nil {
		r.change(&m)
	}
	text, _ := m.Headers[tasks.HeaderError].(string)
	r.seen = append(r.seen, string(m.Body)+text)
	reply, _, err := tasks.ReadReply(m)
	reply.ID = t.ID
	return reply, err
}

func TestWaiter(t *testing.T) {
	keys, _ := newKeys(t)
	greet := tasks.DefineResult[string, string]("greet")
	wait := func(f func(ctx context.Context, name string) (string, error), change func(*tasks.Message), opts ...tasks.WaitOption) (string, error) {
		mux := tasks.NewMux()
		greet.Handle(mux, f)
		r := &runner{handler: Middleware(keys, Config{Required: true})(mux), change: change}
		result, err := greet.EnqueueAndWait(t.Context(), NewWaiter(r, keys), secret, opts...)
		assert.NotContains(t, strings.Join(r.seen, "\n"), secret)
		return result, err
	}

	var notes []string
	result, err := wait(func(ctx context.Context, name string) (string, error) {
		tasks.Progress(ctx, 50, "greeting "+name)
		return "hello " + name, nil
	}, nil, tasks.OnProgress(func(e tasks.ProgressEvent) { notes = append(notes, e.Note) }))
	require.NoError(t, err)
	assert.Equal(t, "hello "+secret, result)
	assert.Equal(t, []string{"greeting " + secret}, notes)

	_, err = wait(func(_ context.Context, name string) (string, error) {
		return "", tasks.Permanent(errors.New("no user " + name))
	}, nil)
	var remote *tasks.RemoteError
	require.ErrorAs(t, err, &remote)
	assert.Equal(t, tasks.ReasonPermanent, remote.Reason)
	assert.Equal(t, "no user "+secret, remote.Text)

	hello := func(context.Context, string) (string, error) { return "hello", nil }
	for name, change := range map[string]func(*tasks.Message){
		"changed":  func(m *tasks.Message) { m.Body[10] ^= 1 },
		"in clear": func(m *tasks.Message) { m.ContentType, m.Body = "application/json", []byte(`"forged"`) },
	} {
		_, err = wait(hello, change)
		assert.ErrorIs(t, err, tasks.ErrUndecryptable, name)
	}
	_, err = NewWaiter(&runner{}, keys).EnqueueAndWait(t.Context(), tasks.Task{ID: "7", KeyID: "1"}, tasks.Wait{})
	assert.ErrorIs(t, err, tasks.ErrInvalidTask)
}

func TestWaiterWithoutAResult(t *testing.T) {
	keys, _ := newKeys(t)
	for name, test := range map[string]struct {
		result tasks.Result
		want   tasks.Reply
		says   string
	}{
		"none":     {},
		"an error": {result: tasks.Result{Err: errors.New("too large: " + secret)}, says: "task  is done, without its result: too large: " + secret},
		"typed":    {result: tasks.Result{ContentType: "text/csv", Body: []byte("a,b")}, want: tasks.Reply{ContentType: "text/csv", Body: []byte("a,b")}},
		"untyped":  {result: tasks.Result{Body: []byte("{}")}, want: tasks.Reply{ContentType: tasks.DefaultContentType, Body: []byte("{}")}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runner{handler: Middleware(keys, Config{})(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
				if name != "none" {
					tasks.SetResult(ctx, test.result)
				}
				return nil
			}))}
			reply, err := NewWaiter(r, keys).EnqueueAndWait(t.Context(), tasks.Task{Key: "a"}, tasks.Wait{})
			assert.NotContains(t, strings.Join(r.seen, "\n"), secret)
			if test.says != "" {
				assert.EqualError(t, err, test.says)
				return
			}
			require.NoError(t, err)
			reply.ID = ""
			assert.Equal(t, test.want, reply)
		})
	}
}
