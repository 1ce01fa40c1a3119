package config

import (
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Handler is what runs the tasks whose key a pattern matches: a program or a web service, exactly
// one of the two.
type Handler struct {
	Pattern string
	// Exec is the program and its arguments. A relative path is relative to the working directory.
	Exec []string
	HTTP *HTTP
	// Concurrency is how many tasks of the pattern run at a time, 1..tasks.MaxConcurrency, within their
	// queue's; 0, the default, leaves it to the queue's.
	Concurrency int
}

// HTTP is a web service that is a handler.
type HTTP struct {
	// URL is http:// or https://.
	URL string
	// Timeout bounds one request, MinTimeout..tasks.MaxTimeout; 0, the default, leaves it to the
	// task's own timeout.
	Timeout time.Duration
	// Headers are sent with each request. Names differ in more than case.
	Headers map[string]string
	// TLS is for a URL that is https://.
	TLS TLS
}

// handler reads the section of one handler.
func (v value) handler(pattern string) Handler {
	h := Handler{Pattern: pattern}
	if _, err := routing.ParsePattern(pattern); err != nil {
		v.failWith(err)
	}
	given := 0
	mapping := v.fields(map[string]func(value){
		"exec":        func(v value) { given++; v.exec(&h.Exec) },
		"http":        func(v value) { given++; h.HTTP = v.http() },
		"concurrency": func(v value) { v.integer(&h.Concurrency, 1, tasks.MaxConcurrency) },
	})
	switch {
	case mapping && given == 0:
		v.fail("one of exec and http is wanted")
	case given == 2:
		v.fail("exec and http exclude each other")
	}
	return h
}

func (v value) exec(to *[]string) {
	read := v.list(func(v value) {
		var text string
		switch {
		case !v.text(&text):
		case strings.ContainsRune(text, 0):
			v.fail("it has a zero byte, which no argument can")
		case text == "" && len(*to) == 0:
			v.fail("the program is missing")
		}
		*to = append(*to, text)
	})
	if read && len(*to) == 0 {
		v.fail("the program is missing")
	}
}

func (v value) http() *HTTP {
	h := &HTTP{}
	given := false
	mapping := v.fields(map[string]func(value){
		"url":     func(v value) { given = true; v.url(&h.URL, "http", "https") },
		"timeout": func(v value) { v.duration(&h.Timeout, MinTimeout, tasks.MaxTimeout) },
		"headers": func(v value) { h.Headers = v.headers() },
		"tls":     func(v value) { v.tls(&h.TLS) },
	})
	switch {
	case mapping && !given:
		v.fail("url is missing")
	case h.TLS != TLS{} && strings.HasPrefix(strings.ToLower(h.URL), "http:"):
		v.fail("tls is for a url that is https")
	}
	return h
}

// The names and values of HTTP headers (RFC 9110, 5.1 and 5.5).
var (
	headerName  = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	headerValue = regexp.MustCompile(`^[^\x00-\x08\x0a-\x1f\x7f]*$`)
)

func (v value) headers() map[string]string {
	headers, seen := map[string]string{}, map[string]bool{}
	v.entries(func(name string, v value) {
		var text string
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			v.fail("it is not the name of a header")
		case seen[canonical]:
			v.fail("given twice: case makes no difference")
		case !v.text(&text):
		case !headerValue.MatchString(text):
			v.fail("a header cannot have control characters")
		}
		seen[canonical] = true
		headers[name] = text
	})
	return headers
}
