package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/internal/logging"
)

// The mail domains that the service plays something for.
const (
	greylisting = "greylisting.example" // refuses the first attempt, takes the second
	unreachable = "unreachable.example" // never answers
)

// How long the kinds of work of the service take.
const (
	reportTime = 20 * time.Millisecond
	importTime = 3 * time.Second
)

const (
	// maxPayloadBytes bounds what is read of a payload.
	maxPayloadBytes = 1 << 20
	headerTimeout   = 10 * time.Second
	// shutdownTimeout is what tasks that still run are given when the service ends.
	shutdownTimeout = 5 * time.Second
)

// service is the web service that runs the demo's tasks, and takes the reports of the program that
// runs others. It knows of Warren only what any web service would: a request is a task, its headers
// tell of it, and the status of the answer is the outcome.
type service struct {
	observe func(run) // told of each run before it is answered; called by any number of goroutines
	now     func() time.Time
}

// routes returns the service's handler: POST /tasks runs a task, POST /reports notes one that was
// run elsewhere.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tasks", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, work) })
	mux.HandleFunc("POST /reports", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, noWork) })
	return mux
}

// newServer returns a server for a service. What goes wrong with a connection goes to a log.
func newServer(s *service, log io.Writer) *http.Server {
	return &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(logging.New(log, slog.LevelInfo).Handler(), slog.LevelWarn),
	}
}

// outcome is what came of a task: the status to answer and a text that says why.
type outcome struct {
	status int
	text   string
}

// answer runs a task, tells of the run, and answers. A client that did not wait for the answer gets
// none, and its run is no success.
func (s *service) answer(w http.ResponseWriter, r *http.Request, do func(*http.Request, run, []byte) outcome) {
	task := runOf(r.Header)
	task.at = s.now()
	var result outcome
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayloadBytes))
	if err != nil {
		result = outcome{http.StatusRequestEntityTooLarge, err.Error()}
	} else {
		result = do(r, task, payload)
	}
	if r.Context().Err() != nil {
		result = outcome{http.StatusRequestTimeout, "the request was given up"}
	}
	task.status = result.status
	s.observe(task)
	w.WriteHeader(result.status)
	fmt.Fprintln(w, result.text)
}

// runOf reads what the headers of a request tell of its task.
func runOf(header http.Header) run {
	r := run{
		id:    unescape(header.Get("Warren-Task-Id")),
		key:   header.Get("Warren-Routing-Key"),
		queue: header.Get("Warren-Queue"),
	}
	r.attempt, _ = strconv.Atoi(header.Get("Warren-Attempt")) // always there
	if ms, err := strconv.ParseInt(header.Get("Warren-Not-Before"), 10, 64); err == nil {
		r.notBefore = time.UnixMilli(ms)
	}
	return r
}

// unescape decodes the percent-encoding of a header's value.
func unescape(value string) string {
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// work does what a task asks for.
func work(r *http.Request, task run, payload []byte) outcome {
	name, _, _ := strings.Cut(task.key, ".")
	switch name {
	case "email":
		return mail(payload, task.attempt)
	case "import":
		return take(r, importTime)
	case "notification":
		return outcome{http.StatusOK, "shown"}
	default:
		return take(r, reportTime)
	}
}

func noWork(*http.Request, run, []byte) outcome { return outcome{http.StatusOK, "noted"} }

// mail delivers a mail, or what a mail service would say instead.
func mail(payload []byte, attempt int) outcome {
	var letter struct {
		To string `json:"to"`
	}
	if err := json.Unmarshal(payload, &letter); err != nil {
		return outcome{http.StatusUnprocessableEntity, "the payload is not JSON: " + err.Error()}
	}
	_, domain, found := strings.Cut(letter.To, "@")
	switch {
	case !found:
		return outcome{http.StatusUnprocessableEntity, fmt.Sprintf("%q is no address", letter.To)}
	case domain == unreachable:
		return outcome{http.StatusInternalServerError, "the mail server of " + domain + " does not answer"}
	case domain == greylisting && attempt == 1:
		return outcome{http.StatusServiceUnavailable, domain + " is greylisting: try again later"}
	default:
		return outcome{http.StatusOK, "sent"}
	}
}

// take takes its time.
func take(r *http.Request, d time.Duration) outcome {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done(): // answer sees it
	}
	return outcome{http.StatusOK, "finished"}
}

// serve is the web service on its own: it listens on an address until ctx ends, and prints each run.
func serve(ctx context.Context, address string, out io.Writer) error {
	s := &service{now: time.Now, observe: func(r run) { fmt.Fprintln(out, r) }}
	server := newServer(s, out)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("serve tasks: %w", err)
	}
	fmt.Fprintln(out, "serving tasks at", listener.Addr())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve tasks: %w", err)
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if server.Shutdown(patience) != nil {
		_ = server.Close() // its listener is closed already
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve tasks: %w", err)
	}
	return nil
}
