package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/jonboulle/clockwork"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The waits between two attempts to send a batch, of which the batch's own time makes an end.
const (
	backoffMin = time.Second
	backoffMax = 15 * time.Second
)

// answerBytes bounds what is read of an answer, so that its connection is used again.
const answerBytes = 64 << 10

// client posts batches of spans to a collector. A failure is told once, until one is taken again: who
// reads the log knows then, and no work depends on it.
type client struct {
	settings
	http  *http.Client
	clock clockwork.Clock
	log   *slog.Logger
	ctx   context.Context // of all requests
	abort context.CancelFunc
	// patient is done when the program is about to end: what fails then is not tried again.
	patient context.Context
	hurry   context.CancelFunc

	// The SDK uploads one batch after the other.
	failing bool
	lost    int // spans, since it fails
}

var _ otlptrace.Client = (*client)(nil)

func newClient(s settings, clock clockwork.Clock, log *slog.Logger) *client {
	transport := &http.Transport{
		Proxy: proxyFromEnvironment, TLSClientConfig: s.tls, ForceAttemptHTTP2: true,
		MaxIdleConns: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: s.timeout,
	}
	c := &client{settings: s, clock: clock, log: log, http: &http.Client{
		Transport: transport, Timeout: s.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers may be secret
	}}
	c.ctx, c.abort = context.WithCancel(context.Background())
	c.patient, c.hurry = context.WithCancel(c.ctx)
	return c
}

// Start does nothing.
func (c *client) Start(context.Context) error { return nil }

// Stop closes what is open. It is called after the last upload.
func (c *client) Stop(context.Context) error {
	c.abort()
	c.http.CloseIdleConnections()
	if c.lost > 0 {
		c.log.Warn("traces were lost", "spans", c.lost)
	}
	return nil
}

// UploadTraces posts a batch, again and again while the collector cannot be reached or is busy, until
// ctx is done or hurry was called. What it cannot send is lost and counted. It returns nil: all there is to say of a failure
// is in the log, and the SDK would only say it again each time.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	body, err := c.encode(spans)
	for wait := backoffMin; err == nil; wait = min(2*wait, backoffMax) {
		var retryAfter time.Duration
		retryAfter, err = c.post(ctx, body)
		if err == nil {
			c.succeeded()
			return nil
		}
		c.failed(err)
		if !errors.As(err, new(*busyError)) {
			break
		}
		err = c.pause(ctx, max(retryAfter, wait/2+rand.N(wait/2)))
	}
	c.failed(err)
	c.lost += count(spans)
	return nil
}

func (c *client) failed(err error) {
	if !c.failing {
		c.failing = true
		c.log.Warn("traces are not exported", "to", c.address(), "error", err)
	}
}

func (c *client) succeeded() {
	if c.failing {
		c.log.Info("traces are exported again", "to", c.address(), "lost_spans", c.lost)
		c.failing, c.lost = false, 0
	}
}

// address is the endpoint without what may be secret in it.
func (c *client) address() string {
	return (&url.URL{Scheme: c.endpoint.Scheme, Host: c.endpoint.Host, Path: c.endpoint.Path}).String()
}

// encode returns the request's body. The request of OTLP and the message for files of it are the same on
// the wire.
func (c *client) encode(spans []*tracepb.ResourceSpans) ([]byte, error) {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil || !c.gzip {
		return body, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(body)
	err = errors.Join(err, w.Close())
	return packed.Bytes(), err
}

// busyError is a failure that may be over soon.
type busyError struct{ err error }

func (e *busyError) Error() string { return e.err.Error() }
func (e *busyError) Unwrap() error { return e.err }

// busy are the answers after which the specification has a batch sent again.
var busy = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// post sends a batch once. Where the collector says when to send it again, that is returned too.
func (c *client) post(ctx context.Context, body []byte) (retryAfter time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "warren")
	for name, values := range c.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var inURL *url.Error
		if errors.As(err, &inURL) {
			err = inURL.Err // without the URL
		}
		return 0, &busyError{err}
	}
	defer func() { _ = resp.Body.Close() }()            // the status says it all
	_, _ = io.CopyN(io.Discard, resp.Body, answerBytes) // what is in it is not the answer
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return 0, nil
	case slices.Contains(busy, resp.StatusCode):
		seconds, _ := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31)
		return time.Duration(seconds) * time.Second, &busyError{fmt.Errorf("status %s", resp.Status)}
	default:
		return 0, fmt.Errorf("status %s", resp.Status)
	}
}

// pause waits for a time, or returns why that is no use.
func (c *client) pause(ctx context.Context, d time.Duration) error {
	timer := c.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return nil
	case <-c.patient.Done():
		return context.Cause(c.patient)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func count(batch []*tracepb.ResourceSpans) int {
	spans := 0
	for _, resource := range batch {
		for _, scope := range resource.GetScopeSpans() {
			spans += len(scope.GetSpans())
		}
	}
	return spans
}

// proxyFromEnvironment is that of net/http, whose errors tell the proxy's URL with its credentials.
func proxyFromEnvironment(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("the proxy that the environment names cannot be used")
	}
	return proxy, nil
}
