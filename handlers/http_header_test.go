package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

func TestTaskHeadersOfATaskThatCarriesEverything(t *testing.T) {
	header := http.Header{}
	setTaskHeaders(header, fullTask())
	assert.Equal(t, http.Header{
		"Content-Type":         {"application/json"},
		"Content-Encoding":     {"identity"},
		"Warren-Task-Id":       {"id-1"},
		"Warren-Routing-Key":   {"email.welcome"},
		"Warren-Queue":         {"email"},
		"Warren-Attempt":       {"2"},
		"Warren-Max-Attempts":  {"9"},
		"Warren-Timeout-Ms":    {"90000"},
		"Warren-Enqueued-At":   {"1795327200005"},
		"Warren-Not-Before":    {"1795327201005"},
		"Warren-Expires-At":    {"1795330800005"},
		"Warren-Schedule":      {"daily"},
		"Warren-Scheduled-For": {"2026-11-22T06:00:00Z"},
		"Warren-Settlement":    {"3"},
		"Warren-Redeliveries":  {"4"},
		"Warren-Enqueued-By":   {"alice"},
		"Warren-Batch-Id":      {"import"},
		"Warren-Batch-Index":   {"3"},
		"Warren-Batch-Total":   {"7"},
		"Traceparent":          {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"Tracestate":           {"a=100%"},
	}, header)
}

func TestTaskHeadersThatHTTPCannotCarryAreLeftOut(t *testing.T) {
	header := http.Header{}
	setTaskHeaders(header, &tasks.Task{
		ID: "a\r\nX-Evil: 1", ContentType: "text/\x00", ContentEncoding: "é", TraceParent: "00-\n", TraceState: "\x7f",
	})
	assert.Equal(t, http.Header{"Warren-Task-Id": {"a%0D%0AX-Evil: 1"}}, header)
}

func TestTaskHeadersDefaultContentType(t *testing.T) {
	header := http.Header{}
	setTaskHeaders(header, &tasks.Task{})
	assert.Equal(t, http.Header{"Content-Type": {tasks.DefaultContentType}}, header)
}

func TestPercentEncode(t *testing.T) {
	for text, want := range map[string]string{
		"":               "",
		"plain-id_1":     "plain-id_1",
		"two words":      "two words",
		" a ":            "%20a%20",
		" ":              "%20",
		"50%":            "50%25",
		"é":              "%C3%A9",
		"\x00\t\x7f\xff": "%00%09%7F%FF",
	} {
		assert.Equal(t, want, percentEncode(text), "%q", text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := drawText(t)
		encoded := percentEncode(text)
		decoded, err := url.PathUnescape(encoded)
		if err != nil || decoded != text {
			t.Fatalf("%q became %q, read as %q: %v", text, encoded, decoded, err)
		}
		if !isPrintable(encoded) || strings.TrimSpace(encoded) != encoded {
			t.Fatalf("%q became %q", text, encoded)
		}
	})
}

func TestValidateHeader(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"Authorization", "Bearer s3cret", ""},
		{"x-empty", "", ""},
		{"X-Tab", "a\tb", ""},
		{"X-Latin", "caf\u00e9", ""},
		{"", "a", `"" is not a name`},
		{"X A", "a", `"X A" is not a name`},
		{"X-Caf\u00e9", "a", `"X-Café" is not a name`},
		{"X-Nul\x00", "a", `"X-Nul\x00" is not a name`},
		{"X-A", "s3cret\r\nX-B: c", "X-A: the value holds a control character"},
		{"X-A", "s3cret\x7f", "X-A: the value holds a control character"},
		{"content-length", "1", "Content-Length follows from the request and cannot be set"},
		{"Transfer-Encoding", "chunked", "Transfer-Encoding follows from the request and cannot be set"},
		{"Trailer", "X-A", "Trailer follows from the request and cannot be set"},
		{"warren-task-id", "1", "Warren-Task-Id: the name is Warren's own"},
	} {
		err := validateHeader(test.name, test.value)
		if test.want == "" {
			require.NoError(t, err, test.name)
			continue
		}
		assert.EqualError(t, err, test.want)
	}
}
