package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// post sends a task to a service, as a worker does, and returns the answer and what was observed.
func post(t *testing.T, ctx context.Context, path, key, payload string, header map[string]string) (*httptest.ResponseRecorder, run) {
	t.Helper()
	var observed []run
	s := &service{observe: func(r run) { observed = append(observed, r) }, now: func() time.Time { return noon }}
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(payload))
	request.Header.Set("Warren-Task-Id", "id")
	request.Header.Set("Warren-Routing-Key", key)
	request.Header.Set("Warren-Queue", "queue")
	request.Header.Set("Warren-Attempt", "1")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	s.routes().ServeHTTP(answer, request)
	require.Len(t, observed, 1)
	require.Equal(t, answer.Code, observed[0].status)
	return answer, observed[0]
}

func TestServiceAnswers(t *testing.T) {
	tests := map[string]struct {
		key, payload, attempt string
		want                  int
	}{
		"mail":                        {"email.welcome", `{"to": "a@example.org"}`, "1", 200},
		"greylisted at first":         {"email.welcome", `{"to": "a@greylisting.example"}`, "1", 503},
		"greylisted no more":          {"email.welcome", `{"to": "a@greylisting.example"}`, "2", 200},
		"mail server does not answer": {"email.welcome", `{"to": "a@unreachable.example"}`, "3", 500},
		"payload cut off":             {"email.welcome", `{"to": "a@exam`, "1", 422},
		"no address":                  {"email.welcome", `{}`, "1", 422},
		"too large":                   {"email.welcome", strings.Repeat(" ", maxPayloadBytes+1), "1", 413},
		"notification":                {"notification.heartbeat", `{}`, "1", 200},
		"report":                      {"report.daily", `{}`, "1", 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, r := post(t, t.Context(), "/tasks", test.key, test.payload, map[string]string{"Warren-Attempt": test.attempt})
			assert.Equal(t, test.want, r.status)
		})
	}
}

func TestServiceTellsOfTheRun(t *testing.T) {
	_, r := post(t, t.Context(), "/reports", "image.thumbnail", "", map[string]string{
		"Warren-Task-Id": "50%25%20%C3%BC", "Warren-Attempt": "2", "Warren-Not-Before": "1795348800123",
	})
	assert.Equal(t, run{
		id: "50% ü", key: "image.thumbnail", queue: "queue", attempt: 2,
		notBefore: time.UnixMilli(1795348800123), at: noon, status: 200,
	}, r)
}

func TestServiceDoesNotCountATaskThatWasGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, r := post(t, ctx, "/tasks", "import.orders", "{}", nil)
	assert.False(t, r.succeeded())
}

func TestServe(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	lines := bufio.NewScanner(reader)
	served := make(chan error, 1)
	go func() { served <- serve(ctx, "127.0.0.1:0", writer) }()

	require.True(t, lines.Scan())
	address := strings.TrimPrefix(lines.Text(), "serving tasks at ")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/tasks", strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("Warren-Routing-Key", "notification.heartbeat")
	answered := make(chan error, 1)
	go func() {
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err == nil {
			err = response.Body.Close()
		}
		answered <- err
	}()
	require.True(t, lines.Scan())
	assert.Contains(t, lines.Text(), "notification.heartbeat")
	require.NoError(t, <-answered)

	require.ErrorContains(t, serve(ctx, address, io.Discard), "in use")
	cancel()
	assert.NoError(t, <-served)
}
