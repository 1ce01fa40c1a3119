package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

// serve serves health until the test's end, or stop, and returns its address.
func serve(t *testing.T, ready func() error) (address string, stop func() error) {
	t.Helper()
	return serveWith(t, ready, nil)
}

// serveWith is serve with what answers for the metrics.
func serveWith(t *testing.T, ready func() error, metrics http.Handler) (address string, stop func() error) {
	t.Helper()
	listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() {
		defer close(returned)
		returned <- ServeListener(ctx, listener, ready, metrics, slog.New(slog.DiscardHandler))
	}()
	stop = func() error {
		cancel()
		return <-returned
	}
	t.Cleanup(func() { _ = stop() })
	return listener.Addr().String(), stop
}

func ask(t *testing.T, method, address, path string) (status int, body string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
	require.NoError(t, err)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(text), resp.Header
}

func TestServe(t *testing.T) {
	var state atomic.Pointer[error]
	set := func(err error) { state.Store(&err) }
	set(nil)
	address, stop := serve(t, func() error { return *state.Load() })
	for _, step := range []struct {
		ready        error
		method, path string
		status       int
		body         string
	}{
		{nil, "GET", "/healthz", 200, "ok"},
		{nil, "GET", "/readyz", 200, "ready"},
		{nil, "HEAD", "/readyz", 200, ""},
		{fmt.Errorf("%w: no control", ErrDegraded), "GET", "/readyz", 200, "ready, degraded: no control"},
		{errors.New("the broker <amqp://h> is away"), "GET", "/readyz", 503, "the broker <amqp://h> is away"},
		{errors.New("away"), "GET", "/healthz", 200, "ok"},
		{nil, "GET", "/readyz", 200, "ready"},
		{nil, "POST", "/readyz", 405, "Method Not Allowed\n"},
		{nil, "GET", "/", 404, "404 page not found\n"},
		{nil, "GET", "/readyz/more", 404, "404 page not found\n"},
	} {
		set(step.ready)
		status, body, header := ask(t, step.method, address, step.path)
		assert.Equal(t, step.status, status, "%+v", step)
		assert.Equal(t, step.body, body, "%+v", step)
		assert.Equal(t, "text/plain; charset=utf-8", header.Get("Content-Type"), "%+v", step)
	}
	require.NoError(t, stop())
	_, err := net.Dial("tcp", address)
	require.Error(t, err)
}

func TestServeOnABusyPortIsAnErrorThatNamesIt(t *testing.T) {
	busy := listen(t)
	defer func() { assert.NoError(t, busy.Close()) }()
	address := busy.Addr().String()
	err := Serve(t.Context(), address, nil, nil, slog.New(slog.DiscardHandler))
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.ErrorContains(t, err, "serve health: listen tcp "+address+": ")
	for _, bad := range []string{"9464", "127.0.0.1:high"} {
		err := Serve(t.Context(), bad, nil, nil, slog.New(slog.DiscardHandler))
		require.Error(t, err)
		assert.ErrorContains(t, err, bad[len(bad)-4:])
	}
}

func TestServeReturnsWhatItsListenerFailsWith(t *testing.T) {
	listener := listen(t)
	require.NoError(t, listener.Close())
	err := ServeListener(t.Context(), listener, nil, nil, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, net.ErrClosed)
	assert.ErrorContains(t, err, listener.Addr().String())
}

func TestServeListensAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &firstLine{got: make(chan string, 1)}
	returned := make(chan error, 1)
	go func() {
		returned <- Serve(ctx, "127.0.0.1:0", func() error { return nil }, nil, slog.New(slog.NewTextHandler(log, nil)))
	}()
	_, address, found := strings.Cut(strings.TrimSpace(<-log.got), "address=")
	require.True(t, found)
	require.NoError(t, Check(t.Context(), address))
	cancel()
	require.NoError(t, <-returned)
}

// firstLine is an io.Writer that sends the first of what is written to it.
type firstLine struct{ got chan string }

func (w *firstLine) Write(p []byte) (int, error) {
	select {
	case w.got <- string(p):
	default:
	}
	return len(p), nil
}

func TestServeCutsOffWhoeverKeepsItFromStopping(t *testing.T) {
	listener := &tellingListener{Listener: listen(t), tracked: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() {
		returned <- ServeListener(ctx, listener, func() error { return nil }, nil, slog.New(slog.DiscardHandler))
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close()) }()
	<-listener.tracked
	before := time.Now()
	cancel()
	require.NoError(t, <-returned)
	assert.Less(t, time.Since(before), shutdownTimeout+time.Second)
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// tellingListener tells when the server knows of its first connection: it then accepts another.
type tellingListener struct {
	net.Listener
	tracked  chan struct{}
	accepted int
}

func (l *tellingListener) Accept() (net.Conn, error) {
	if l.accepted++; l.accepted == 2 {
		close(l.tracked)
	}
	return l.Listener.Accept()
}

func TestCheck(t *testing.T) {
	var state atomic.Pointer[error]
	set := func(err error) { state.Store(&err) }
	address, stop := serve(t, func() error { return *state.Load() })
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	set(nil)
	for _, listen := range []string{address, ":" + port, "0.0.0.0:" + port, "[::]:" + port, "localhost:" + port} {
		require.NoError(t, Check(t.Context(), listen), listen)
	}
	set(errors.New("the broker is away"))
	err = Check(t.Context(), address)
	require.ErrorIs(t, err, ErrNotReady)
	require.EqualError(t, err, "not ready: the broker is away")

	require.NoError(t, stop())
	err = Check(t.Context(), ":"+port)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNotReady)
	require.ErrorContains(t, err, "check health at 127.0.0.1:"+port+": ")
	assert.ErrorContains(t, Check(t.Context(), "9464"), "check health: address 9464: missing port")
}

func TestCheckOfSomethingElse(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	err := Check(t.Context(), address)
	require.ErrorIs(t, err, ErrNotReady)
	assert.ErrorContains(t, err, "not ready: "+address+" answers 302: ")
}

func TestCheckIsBoundedByItsContext(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	go func() {
		<-asked
		cancel(cause)
	}()
	err := Check(ctx, strings.TrimPrefix(server.URL, "http://"))
	require.ErrorIs(t, err, cause)
}
