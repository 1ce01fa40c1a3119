// Package otlptest is a collector of spans for tests: what a program exports by OTLP over HTTP, it keeps.
package otlptest

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector takes spans. Make one with [New].
type Collector struct {
	// URL is the endpoint, for OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string
	// Answered receives each time that a request has been answered.
	Answered <-chan struct{}

	t        testing.TB
	answered chan struct{}
	mu       sync.Mutex
	answers  []int
	header   http.Header
	spans    []Span
}

// Span is a span with what it is from.
type Span struct {
	*tracepb.Span
	// Resource are the texts among the resource's attributes.
	Resource map[string]string
}

// New returns a collector that listens until the test ends. It answers the first requests with the
// statuses that are given, without keeping what is in them, and those after them with 200. What it
// cannot read fails the test.
func New(t testing.TB, answers ...int) *Collector {
	t.Helper()
	answered := make(chan struct{}, 1000)
	c := &Collector{t: t, answers: answers, Answered: answered, answered: answered}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP takes an export.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var batch tracepb.TracesData
	if err := read(r, &batch); err != nil || r.URL.Path != "/v1/traces" {
		c.t.Errorf("%s: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.answered <- struct{}{} }()
	c.header = r.Header
	if len(c.answers) > 0 {
		w.WriteHeader(c.answers[0])
		c.answers = c.answers[1:]
		return
	}
	for _, from := range batch.GetResourceSpans() {
		resource := map[string]string{}
		for _, a := range from.GetResource().GetAttributes() {
			resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, Span{span, resource})
			}
		}
	}
}

func read(r *http.Request, batch *tracepb.TracesData) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = unpacked
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, batch)
}

// Spans are those that have come so far, in their order.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Header are the headers of the last request.
func (c *Collector) Header() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header
}

// TraceParent is the W3C traceparent of a span that is sampled.
func (s Span) TraceParent() string {
	return "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
}

// Attribute is an attribute's text, empty where it has none.
func (s Span) Attribute(name string) string {
	for _, a := range s.Attributes {
		if a.GetKey() == name {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
