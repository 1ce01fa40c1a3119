package handlers

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/warrenmq/warren/tasks"
)

// The bounds of an HTTP handler's answers and connections.
const (
	// bodyBytes bounds how much of an answer's body an error tells.
	bodyBytes = 512
	// drainBytes bounds how much of a body is read: a connection whose answer was read to its end is
	// used again, one with more to come is not worth waiting for.
	drainBytes = 64 << 10
	// answerHeaderBytes bounds the headers of an answer.
	answerHeaderBytes = 64 << 10
	// dialTimeout bounds the making of a connection, and its TLS handshake again.
	dialTimeout = 10 * time.Second
	// idleTimeout is how long a connection is kept for the next task: shorter than services do (two
	// seconds and more), since a request that meets their closing of it may have to be sent again.
	idleTimeout = time.Second
)

// HTTPConfig says which web service runs tasks.
type HTTPConfig struct {
	// URL is where tasks are posted, http or https. A user and password in it are sent as basic
	// authentication and are told in no error, nor is its query.
	URL string
	// Timeout is how long a request may take, the answer's body included. 0: only as long as the
	// task may.
	Timeout time.Duration
	// Headers are sent with each request and win over what is sent by default, but for Warren-*,
	// Content-Length, Transfer-Encoding and Trailer, which may not be set.
	Headers map[string]string
	// TLS is how https services are connected to: which authorities are trusted, and a certificate
	// to show. Not changed, and not to be changed after. Defaults to the system's authorities, and
	// none. Proxies are connected to in the same way.
	TLS *tls.Config
	// Now tells the time that a date in Retry-After is compared with. Defaults to time.Now.
	Now func() time.Time
}

// HTTP is a [tasks.Handler] that posts each task to a web service. It is safe for use by any number
// of goroutines, and keeps as many connections as were in use at once. Make one with [NewHTTP].
//
// The payload is the body, with the task's content type and encoding. Headers tell the rest of what
// the task carries: Warren-Task-Id, Warren-Routing-Key, Warren-Queue, Warren-Attempt (from 1),
// Warren-Max-Attempts, Warren-Timeout-Ms, Warren-Enqueued-At, Warren-Not-Before and
// Warren-Expires-At in unix ms, Warren-Schedule, Warren-Scheduled-For in RFC 3339,
// Warren-Settlement, Warren-Redeliveries, Warren-Batch-Id, Warren-Batch-Index, Warren-Batch-Total,
// Warren-Enqueued-By where RabbitMQ has checked who that is, traceparent and tracestate. In the
// values of Warren-*, what is not printable ASCII, a percent sign, and a space at either end are
// percent-encoded: the ID of a foreign task may hold any byte. The errors of earlier attempts are
// not sent: they would grow past what servers accept.
//
// A request that a service answers by closing a connection that was kept for it is sent again at
// once on another, in the same attempt: services close such connections at any moment. One that
// cannot bear a task twice tells it by Warren-Task-Id, which is the same in each attempt.
//
// HTTP/2 is used where an https service offers it. Compression is not asked for, and an answer that
// is compressed all the same is not unpacked.
//
// Proxies are taken from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).
type HTTP struct {
	url       string // without user and password
	target    string // the URL as errors name it
	host      string // the Host header, where configured
	header    http.Header
	timeout   time.Duration
	now       func() time.Time
	transport *http.Transport
}

// NewHTTP returns a handler that posts to a web service. A configuration that cannot work returns
// an error that is [ErrInvalidHandler]. Close it after use.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	target, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: http: url: %w", ErrInvalidHandler, err)
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("%w: http: timeout: %s is below 0", ErrInvalidHandler, c.Timeout)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &HTTP{
		header: http.Header{}, timeout: c.Timeout, now: c.Now,
		transport: &http.Transport{
			Proxy:                  proxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			TLSClientConfig:        c.TLS.Clone(),
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,        // so that a small answer stays one
			MaxIdleConnsPerHost:    math.MaxInt, // there are no more than tasks that ran at once
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: answerHeaderBytes,
		},
	}
	h.header.Set("User-Agent", "warren")
	if user := target.User; user != nil {
		target.User = nil // from here on nothing can tell it
		password, _ := user.Password()
		h.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	h.url = target.String()
	h.target = target.Scheme + "://" + target.Host + target.EscapedPath()
	seen := make(map[string]bool, len(c.Headers))
	for name, value := range c.Headers {
		canonical := http.CanonicalHeaderKey(name)
		if err := validateHeader(name, value); err != nil {
			return nil, fmt.Errorf("%w: http: headers: %w", ErrInvalidHandler, err)
		}
		if seen[canonical] {
			return nil, fmt.Errorf("%w: http: headers: %s is given twice", ErrInvalidHandler, canonical)
		}
		seen[canonical] = true
		h.header.Set(name, value)
	}
	h.host = h.header.Get("Host") // which net/http takes from elsewhere
	h.header.Del("Host")
	return h, nil
}

// Close closes the connections that are idle. Tasks that still run keep theirs.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// HandleTask posts the task and blocks until the answer was read, ctx ended or the timeout was
// over. The answer's status is the outcome:
//
//   - 2xx: nil, whatever becomes of the rest of the body;
//   - 429 and 503 with a Retry-After, in seconds or as a date: [tasks.RetryAfter];
//   - 408, 429, 5xx: an error to be retried;
//   - other 4xx, and 3xx, since redirects are not followed: [tasks.Permanent].
//
// Where somebody waits for the task (it has a ReplyTo), the body of a 2xx is its result, at most
// MaxResultBytes, with the answer's Content-Type. Otherwise it is not kept.
//
// These errors are a [*StatusError]. A request that got no answer is an error to be retried, which
// is the cause of ctx where ctx ended, and context.DeadlineExceeded after the timeout.
func (h *HTTP) HandleTask(ctx context.Context, t *tasks.Task) error {
	if h.timeout > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("no answer within %s: %w", h.timeout, context.DeadlineExceeded)
		ctx, cancel = context.WithTimeoutCause(ctx, h.timeout, late)
		defer cancel()
	}
	if err := h.post(ctx, t); err != nil {
		return fmt.Errorf("POST %s: %w", h.target, err)
	}
	return nil
}

// post sends the request and reads the answer. It uses the transport itself and not a http.Client,
// which follows redirects and puts the URL into errors.
func (h *HTTP) post(ctx context.Context, t *tasks.Task) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(t.Payload))
	if err != nil {
		return err
	}
	if h.host != "" {
		req.Host = h.host
	}
	// Without a value it is not sent, and tells net/http that a POST may be sent again.
	req.Header["Idempotency-Key"] = []string{}
	setTaskHeaders(req.Header, t)
	for name, values := range h.header {
		req.Header[name] = values
	}
	resp, err := h.transport.RoundTrip(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	defer func() { _ = resp.Body.Close() }() // the outcome is known
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return statusOutcome(resp, "", h.now()) // what follows is no body, and has no end
	}
	if t.ReplyTo != "" && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		if result, ok := bodyResult(resp); ok {
			tasks.SetResult(ctx, result)
		}
	}
	// A body that cannot be read does not change the outcome.
	beginning, _ := io.ReadAll(io.LimitReader(resp.Body, bodyBytes+utf8.UTFMax))
	_, _ = io.CopyN(io.Discard, resp.Body, drainBytes)
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		beginning = nil // it is not text
	}
	return statusOutcome(resp, head(beginning, bodyBytes), h.now())
}

// parseURL parses where tasks are posted. Its errors tell nothing of a URL that may hold
// credentials: what cannot be parsed may be any part of them.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil && strings.Contains(raw, "@"):
		return nil, errors.New("it cannot be parsed; is what is special in the password percent-encoded?")
	case err != nil:
		return nil, errors.Unwrap(err) // without the URL, whose query is not told either
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it does not begin with http:// or https://")
	case u.Hostname() == "":
		return nil, errors.New("it names no host")
	}
	return u, nil
}

// proxyFromEnvironment is that of net/http, whose errors tell the proxy's URL with its credentials.
func proxyFromEnvironment(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errors.New("the proxy that the environment names cannot be used")
	}
	return proxy, nil
}
