package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// setTaskHeaders sets the headers that tell of a task.
func setTaskHeaders(header http.Header, t *tasks.Task) {
	for _, a := range attributes(t) {
		if a.value != "" {
			header.Set(a.name, percentEncode(a.value))
		}
	}
	contentType := t.ContentType
	if contentType == "" {
		contentType = tasks.DefaultContentType
	}
	// These are not ours to encode, and one that HTTP cannot carry is better left out than a reason
	// for every attempt to fail.
	for _, a := range []attribute{
		{"Content-Type", contentType},
		{"Content-Encoding", t.ContentEncoding},
		{tasks.HeaderTraceParent, t.TraceParent},
		{tasks.HeaderTraceState, t.TraceState},
	} {
		if a.value != "" && isPrintable(a.value) {
			header.Set(a.name, a.value)
		}
	}
}

// validateHeader checks a configured header. The value may be a secret: no error tells it.
func validateHeader(name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isTokenRune(r) }):
		return fmt.Errorf("%.40q is not a name", name)
	case canonical == "Content-Length" || canonical == "Transfer-Encoding" || canonical == "Trailer":
		return fmt.Errorf("%s follows from the request and cannot be set", canonical)
	case strings.HasPrefix(strings.ToLower(name), tasks.HeaderPrefix):
		return fmt.Errorf("%s: the name is Warren's own", canonical)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("%s: the value holds a control character", canonical)
	}
	return nil
}

// isTokenRune reports whether a header's name may hold a character.
func isTokenRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		r != 0 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// percentEncode makes a text the value of a header: the bytes that are not printable ASCII, the
// percent sign, and the spaces at either end, which HTTP drops, become %XX.
func percentEncode(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if !isPrintableByte(c) || c == '%' || c == ' ' && (i == 0 || i == len(text)-1) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isPrintable(text string) bool {
	for i := range len(text) {
		if !isPrintableByte(text[i]) {
			return false
		}
	}
	return true
}

func isPrintableByte(c byte) bool { return ' ' <= c && c <= '~' }
