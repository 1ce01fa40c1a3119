package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// ErrNotReady is a process that answers, but not that it is ready.
var ErrNotReady = errors.New("not ready")

// ErrDegraded is a process that is ready and does without something. Who would restart it, or send it no
// work, over that would lose more than is lacking, so it answers 200.
var ErrDegraded = errors.New("ready, degraded")

// The paths that are served.
const (
	healthPath  = "/healthz"
	readyPath   = "/readyz"
	metricsPath = "/metrics"
)

// The bounds of asking and answering.
const (
	shutdownTimeout = time.Second
	checkTimeout    = 3 * time.Second
	headerTimeout   = 5 * time.Second
	answerTimeout   = 10 * time.Second
	idleTimeout     = time.Minute
	maxHeaderBytes  = 16 << 10
	maxAnswerBytes  = 4 << 10
)

// Serve answers for the process at a TCP address such as ":9464", until ctx is done:
//
//   - /healthz: 200 and "ok" as long as ready returns at all, whatever it does; 503 and why where it does not
//     within [PulseTimeout], which is a process that is stuck;
//   - /readyz: 200 and "ready", or 503 and the text of the error that ready returns; 200 and the text of
//     one that is [ErrDegraded];
//   - /metrics: what the handler answers, such as [Handler]; 404 where it is nil.
//
// ready is called for a request or for several at once, and must not block. Serve
// blocks; it returns nil within a second after ctx is done, its requests answered or cut off. An
// address that cannot be listened on is an error at once, which names it.
func Serve(ctx context.Context, listen string, ready func() error, metrics http.Handler, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("serve health: %w", err)
	}
	return ServeListener(ctx, listener, ready, metrics, log)
}

// ServeListener is [Serve] on a listener, which it closes.
func ServeListener(ctx context.Context, listener net.Listener, ready func() error, metrics http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler(ready, metrics),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       answerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("serving health and metrics", "address", listener.Addr().String())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve health on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		_ = server.Close() // the listener is closed already, and connections have nothing to tell
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health on %s: %w", listener.Addr(), err)
	}
	return nil
}

func handler(ready func() error, metrics http.Handler) http.Handler {
	pulse := NewPulse(ready)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, r *http.Request) {
		if err := pulse.Ready(r.Context()); errors.Is(err, ErrStuck) {
			answer(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		answer(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, r *http.Request) {
		switch err := pulse.Ready(r.Context()); {
		case err == nil:
			answer(w, http.StatusOK, "ready")
		case errors.Is(err, ErrDegraded):
			answer(w, http.StatusOK, err.Error())
		default:
			answer(w, http.StatusServiceUnavailable, err.Error())
		}
	})
	if metrics != nil {
		mux.Handle("GET "+metricsPath, metrics)
	}
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // it fails only where nobody listens any more
}

// Check asks the process that serves its health at an address, as [Serve] takes it, whether it is
// ready. An address without a host, or for every interface, stands for 127.0.0.1. It returns nil
// where the process is ready, and an error that is [ErrNotReady] and holds the answer where it says
// anything else. It blocks for at most 3 s, or until ctx is done.
func Check(ctx context.Context, listen string) error {
	address, err := checkAddress(listen)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	late := fmt.Errorf("no answer within %s: %w", checkTimeout, context.DeadlineExceeded)
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, late)
	defer cancel()
	status, text, err := get(ctx, "http://"+address+readyPath)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("check health at %s: %w", address, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("check health at %s: %w", address, err)
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s", ErrNotReady, text)
	case status != http.StatusOK:
		return fmt.Errorf("%w: %s answers %d: %s", ErrNotReady, address, status, text)
	}
	return nil
}

// get returns an answer's status and the start of its body. The process is asked itself: by no
// proxy, and without following it elsewhere.
func get(ctx context.Context, url string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, strings.TrimSpace(strings.ToValidUTF8(string(body), "\uFFFD")), nil
}

// checkAddress returns the address to ask for what is served at another.
func checkAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
