package handlers

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// post returns a handler for a configuration, closed at the test's end.
func post(t *testing.T, c HTTPConfig) *HTTP {
	t.Helper()
	h, err := NewHTTP(c)
	require.NoError(t, err)
	t.Cleanup(h.Close)
	return h
}

// serve starts a web service and returns its URL.
func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func TestNewHTTPRefusesWhatCannotWork(t *testing.T) {
	for _, test := range []struct {
		config HTTPConfig
		want   string
	}{
		{HTTPConfig{}, "url: it does not begin with http:// or https://"},
		{HTTPConfig{URL: "localhost:8080/tasks"}, "url: it does not begin with http:// or https://"},
		{HTTPConfig{URL: "ftp://h/"}, "url: it does not begin with http:// or https://"},
		{HTTPConfig{URL: "http:///tasks"}, "url: it names no host"},
		{HTTPConfig{URL: "http://:8080/tasks"}, "url: it names no host"},
		{HTTPConfig{URL: "http://h:port/?token=s3cret"}, `url: invalid port ":port" after host`},
		{HTTPConfig{URL: "http://u:s3cret/@h/"}, "url: it cannot be parsed; is what is special in the password percent-encoded?"},
		{HTTPConfig{URL: "http://u:%s3cret@h/"}, "url: it cannot be parsed; is what is special in the password percent-encoded?"},
		{HTTPConfig{URL: "http://h", Timeout: -time.Second}, "timeout: -1s is below 0"},
		{HTTPConfig{URL: "http://h", Headers: map[string]string{"X-A": "s3cret\n"}}, "headers: X-A: the value holds a control character"},
		{HTTPConfig{URL: "http://h", Headers: map[string]string{"X-A": "1", "x-a": "2"}}, "headers: X-A is given twice"},
		{HTTPConfig{URL: "http://h", Headers: map[string]string{"HOST": "a", "host": "b"}}, "headers: Host is given twice"},
	} {
		_, err := NewHTTP(test.config)
		require.ErrorIs(t, err, ErrInvalidHandler)
		assert.EqualError(t, err, "invalid handler: http: "+test.want)
	}
}

func TestHTTPPostsTheTask(t *testing.T) {
	requests := make(chan *http.Request, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		requests <- r
	})
	task := &tasks.Task{ID: "50% é\n", Key: "email.welcome", Queue: "email", Attempt: 2,
		Payload: bytes.Repeat([]byte("0123456789abcdef"), 1<<16), ContentType: "text/plain"}
	h := post(t, HTTPConfig{
		URL:     strings.Replace(url, "http://", "http://user:p%40ss@", 1) + "/tasks?a=b#c",
		Headers: map[string]string{"x-api-key": "k", "host": "tasks.example"},
	})
	require.NoError(t, h.HandleTask(t.Context(), task))

	r := <-requests
	assert.Equal(t, "POST", r.Method)
	assert.Equal(t, "/tasks?a=b", r.RequestURI)
	assert.Equal(t, "tasks.example", r.Host)
	user, password, _ := r.BasicAuth()
	assert.Equal(t, "user:p@ss", user+":"+password)
	r.Header.Del("Authorization")
	assert.Equal(t, http.Header{
		"Content-Length":     {"1048576"},
		"Content-Type":       {"text/plain"},
		"User-Agent":         {"warren"},
		"Warren-Attempt":     {"2"},
		"Warren-Queue":       {"email"},
		"Warren-Routing-Key": {"email.welcome"},
		"Warren-Task-Id":     {"50%25 %C3%A9%0A"},
		"X-Api-Key":          {"k"},
	}, r.Header)
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, task.Payload, body)
}

func TestHTTPConfiguredHeadersWin(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"application/cloudevents+json"}, r.Header["Content-Type"])
		assert.Equal(t, []string{"Bearer s3cret"}, r.Header["Authorization"])
		assert.Equal(t, []string{"mail"}, r.Header["User-Agent"])
		assert.Empty(t, r.ContentLength)
	})
	h := post(t, HTTPConfig{URL: strings.Replace(url, "http://", "http://user:pass@", 1), Headers: map[string]string{
		"content-type": "application/cloudevents+json", "authorization": "Bearer s3cret", "user-agent": "mail",
	}})
	require.NoError(t, h.HandleTask(t.Context(), &tasks.Task{}))
}

func TestHTTPOutcomes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.URL.Path[1:])
		assert.NoError(t, err)
		w.Header().Set("Location", "/200")
		if after := r.URL.Query().Get("after"); after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(code)
		if code >= 400 {
			_, _ = io.WriteString(w, "\nthe reason\n")
		}
	})
	for _, test := range []struct {
		path, kind, text string
		after            time.Duration
	}{
		{path: "/200", kind: done},
		{path: "/202", kind: done},
		{path: "/204", kind: done},
		{path: "/301", kind: permanent, text: "301 Moved Permanently"},
		{path: "/303", kind: permanent, text: "303 See Other"},
		{path: "/304", kind: permanent, text: "304 Not Modified"},
		{path: "/307", kind: permanent, text: "307 Temporary Redirect"},
		{path: "/400", kind: permanent, text: "400 Bad Request: the reason"},
		{path: "/404", kind: permanent, text: "404 Not Found: the reason"},
		{path: "/408", kind: retried, text: "408 Request Timeout: the reason"},
		{path: "/422", kind: permanent, text: "422 Unprocessable Entity: the reason"},
		{path: "/429", kind: retried, text: "429 Too Many Requests: the reason"},
		{path: "/429?after=7", kind: postponed, text: "429 Too Many Requests: the reason", after: 7 * time.Second},
		{path: "/500", kind: retried, text: "500 Internal Server Error: the reason"},
		{path: "/500?after=7", kind: retried, text: "500 Internal Server Error: the reason"},
		{path: "/502", kind: retried, text: "502 Bad Gateway: the reason"},
		{path: "/503", kind: retried, text: "503 Service Unavailable: the reason"},
		{path: "/503?after=soon", kind: retried, text: "503 Service Unavailable: the reason"},
		{path: "/503?after=Sun,+22+Nov+2026+06:01:30+GMT", kind: postponed,
			text: "503 Service Unavailable: the reason", after: 90 * time.Second},
	} {
		t.Run(test.path, func(t *testing.T) {
			h := post(t, HTTPConfig{URL: url + test.path, Now: func() time.Time { return now }})
			err := h.HandleTask(t.Context(), &tasks.Task{})
			require.Equal(t, test.kind, kind(err))
			if test.kind == done {
				return
			}
			path, _, _ := strings.Cut(test.path, "?")
			require.EqualError(t, err, "POST "+url+path+": "+test.text)
			var after *tasks.RetryAfterError
			if errors.As(err, &after) {
				assert.Equal(t, test.after, after.After)
			}
		})
	}
}

func TestHTTPTellsTheBoundedStartOfTheBody(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "\xff"+strings.Repeat("é", 1<<20))
	})
	err := post(t, HTTPConfig{URL: url}).HandleTask(t.Context(), &tasks.Task{})
	var status *StatusError
	require.ErrorAs(t, err, &status)
	assert.True(t, utf8.ValidString(status.Body))
	assert.LessOrEqual(t, len(status.Body), 512)
	assert.Greater(t, len(status.Body), 500)
	assert.True(t, strings.HasPrefix(status.Body, "\uFFFDéé"), status.Body)
}

func TestHTTPUsesConnectionsAgain(t *testing.T) {
	const concurrency, rounds = 8, 5
	var connections atomic.Int64
	var together sync.WaitGroup // has each round's requests run at once
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait()
		w.WriteHeader([]int{200, 404, 500}[int(r.ContentLength)%3])
		_, _ = w.Write(make([]byte, 32<<10))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	h := post(t, HTTPConfig{URL: server.URL})
	for range rounds {
		together.Add(concurrency)
		var answered sync.WaitGroup
		for i := range concurrency {
			answered.Go(func() { _ = h.HandleTask(t.Context(), &tasks.Task{Payload: make([]byte, i)}) })
		}
		answered.Wait()
	}
	assert.EqualValues(t, concurrency, connections.Load())
}

func TestHTTPWithoutAnAnswerIsRetried(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refused.Close())
	dropped := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, url := range []string{"http://" + refused.Addr().String(), dropped} {
		withSecrets := strings.Replace(url, "http://", "http://us3r:s3cret@", 1) + "/tasks?token=s3cret"
		err := post(t, HTTPConfig{URL: withSecrets}).HandleTask(t.Context(), &tasks.Task{})
		require.Equal(t, retried, kind(err))
		require.ErrorContains(t, err, "POST "+url+"/tasks: ")
		assert.NotContains(t, err.Error(), "s3cret")
		assert.NotContains(t, err.Error(), "us3r")
	}
}

func TestHTTPVerifiesTheServersCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	err := post(t, HTTPConfig{URL: server.URL}).HandleTask(t.Context(), &tasks.Task{})
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, retried, kind(err))
}

// serveHanging starts a web service that answers nothing, and tells of each request.
func serveHanging(t *testing.T) (url string, asked <-chan struct{}) {
	t.Helper()
	requests := make(chan struct{}, 1)
	url = serve(t, func(_ http.ResponseWriter, r *http.Request) {
		requests <- struct{}{}
		<-r.Context().Done() // the client has gone
	})
	return url, requests
}

func TestHTTPIsBoundedByItsContext(t *testing.T) {
	url, asked := serveHanging(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	h := post(t, HTTPConfig{URL: url})
	returned := make(chan error, 1)
	go func() { returned <- h.HandleTask(ctx, &tasks.Task{}) }()
	<-asked
	cause := errors.New("the worker stops")
	cancel(cause)
	err := <-returned
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "POST "+url+": the worker stops")
	assert.ErrorIs(t, h.HandleTask(ctx, &tasks.Task{}), cause, "nothing is sent once the context has ended")
}

func TestHTTPIsBoundedByItsTimeout(t *testing.T) {
	url, _ := serveHanging(t)
	err := post(t, HTTPConfig{URL: url, Timeout: 20 * time.Millisecond}).HandleTask(t.Context(), &tasks.Task{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, retried, kind(err))
	assert.EqualError(t, err, "POST "+url+": no answer within 20ms: context deadline exceeded")
}

func TestHTTPSuccessIsOneWhateverBecomesOfItsBody(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
		assert.NoError(t, http.NewResponseController(w).Flush())
		panic(http.ErrAbortHandler)
	})
	require.NoError(t, post(t, HTTPConfig{URL: url}).HandleTask(t.Context(), &tasks.Task{}))
}

func TestHTTPDoesNotSwitchProtocols(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "something")
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	err := post(t, HTTPConfig{URL: url}).HandleTask(t.Context(), &tasks.Task{})
	require.EqualError(t, err, "POST "+url+": 101 Switching Protocols")
	assert.Equal(t, retried, kind(err))
}
