package tasks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestReplyMessages(t *testing.T) {
	t.Parallel()
	task := &tasks.Task{ID: "my-id", ReplyTo: "replies"}
	ok := result("five")
	tests := map[string]struct {
		message     tasks.Message
		status      string
		contentType string
		want        tasks.Reply
		err         error
		progress    *tasks.ProgressEvent
	}{
		"a result": {
			message: tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &ok}), status: "ok",
			want: tasks.Reply{ContentType: "text/plain", Body: []byte("five")},
		},
		"a result that does not say what it is": {
			message: tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Body: []byte("5")}}), status: "ok",
			want: tasks.Reply{ContentType: "application/json", Body: []byte("5")},
		},
		"no result": {message: tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack}), status: "ok"},
		"a result that cannot be had": {
			message: tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Body: []byte("x"), Err: errBoom}}),
			status:  "error", err: &tasks.RemoteError{Text: "boom"},
		},
		"dead": {
			message: tasks.ReplyMessage(task, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonExpired, Err: errBoom}),
			status:  "error", err: &tasks.RemoteError{Reason: tasks.ReasonExpired, Text: "boom"},
		},
		"progress": {
			message: tasks.ProgressMessage(task, tasks.ProgressEvent{Percent: 40.5, Note: "é"}), status: "progress",
			progress: &tasks.ProgressEvent{Percent: 40.5, Note: "é"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tt.message
			assert.Empty(t, m.Exchange)
			assert.Equal(t, "replies", m.RoutingKey)
			assert.Equal(t, "my-id", m.CorrelationID)
			assert.Empty(t, m.ReplyTo)
			assert.Equal(t, tt.status, m.Headers["warren-status"])
			got, progress, err := tasks.ReadReply(m)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.progress, progress)
			assert.Equal(t, tt.err, err)
		})
	}
	assert.JSONEq(t, `{"percent": 40.5, "note": "é"}`, string(tests["progress"].message.Body))

	asked := tasks.ReplyMessage(&tasks.Task{ID: "my-id", CorrelationID: "theirs"}, tasks.Decision{Action: tasks.Ack})
	assert.Equal(t, "theirs", asked.CorrelationID)
	long := tasks.ReplyMessage(task, tasks.Decision{Action: tasks.Ack, Result: &tasks.Result{Err: errLong}})
	assert.LessOrEqual(t, len(long.Headers["warren-error"].(string)), tasks.MaxErrorBytes)
}

var errLong = tasks.Permanent(&tasks.MalformedError{Field: strings.Repeat("x", 10_000), Err: errBoom})

func TestReadReplyRefusesWhatIsNoReply(t *testing.T) {
	t.Parallel()
	for field, m := range map[string]tasks.Message{
		"header warren-status": {Body: []byte("5")},
		"progress":             {Headers: map[string]any{"warren-status": []byte("progress")}, Body: []byte("half")},
	} {
		_, _, err := tasks.ReadReply(m)
		var malformed *tasks.MalformedError
		require.ErrorAs(t, err, &malformed)
		assert.Equal(t, field, malformed.Field)
	}
}
