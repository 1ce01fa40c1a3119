package handlers

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestHTTPBodyIsTheResult(t *testing.T) {
	large := make([]byte, MaxResultBytes+1)
	answer := map[string]http.HandlerFunc{
		"/json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"sum": 5}`))
		},
		"/empty": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"/untyped": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte("five"))
		},
		"/large": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) },
		"/compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write([]byte("five"))
		},
		"/cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("five"))
		},
		"/dead": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no luck", http.StatusTeapot) },
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { answer[r.URL.Path](w, r) })
	run := func(path, replyTo string) tasks.Decision {
		e := tasks.Executor{Handler: post(t, HTTPConfig{URL: url + path})}
		return e.Execute(t.Context(), &tasks.Task{ReplyTo: replyTo})
	}
	assert.Equal(t, &tasks.Result{ContentType: "application/json", Body: []byte(`{"sum": 5}`)}, run("/json", "mine").Result)
	assert.Equal(t, &tasks.Result{ContentType: "application/octet-stream", Body: []byte("five")}, run("/untyped", "mine").Result)
	assert.Equal(t, tasks.Decision{Action: tasks.Ack}, run("/empty", "mine"))
	assert.Equal(t, tasks.Decision{Action: tasks.Ack}, run("/json", ""), "nobody asks")
	assert.Equal(t, tasks.ReasonPermanent, run("/dead", "mine").Reason)
	for path, want := range map[string]string{
		"/large":      "the body of the answer is longer than 1048576 bytes",
		"/compressed": `the body of the answer has the content encoding "br", which was not asked for`,
		"/cut":        "the body of the answer cannot be read: unexpected EOF",
	} {
		d := run(path, "mine")
		require.Equal(t, tasks.Ack, d.Action)
		require.NotNil(t, d.Result)
		assert.EqualError(t, d.Result.Err, want)
	}
}
