package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/warrenmq/warren/tasks"
)

// MaxResultBytes bounds the result that is taken from a program or a web service. Of a longer one
// whoever waits is told that the task is done and its result too long.
const MaxResultBytes = 1 << 20

// capture keeps what is written to it, up to a limit; of more it keeps nothing but that.
type capture struct {
	limit int
	kept  []byte
	over  bool
}

func (c *capture) Write(p []byte) (int, error) {
	if c.over || len(c.kept)+len(p) > c.limit {
		c.over, c.kept = true, nil
		return len(p), nil
	}
	c.kept = append(c.kept, p...)
	return len(p), nil
}

// result returns what a program has written as its result. The second result is false where it has
// written nothing, or is not asked (a nil capture).
func (c *capture) result() (tasks.Result, bool) {
	switch {
	case c == nil || !c.over && len(c.kept) == 0:
		return tasks.Result{}, false
	case c.over:
		return tasks.Result{Err: fmt.Errorf("stdout is longer than %d bytes", c.limit)}, true
	case json.Valid(c.kept):
		return tasks.Result{ContentType: "application/json", Body: c.kept}, true
	case utf8.Valid(c.kept):
		return tasks.Result{ContentType: "text/plain; charset=utf-8", Body: c.kept}, true
	default:
		return tasks.Result{ContentType: "application/octet-stream", Body: c.kept}, true
	}
}

// bodyResult reads the body of a web service's answer as a task's result. The second result is false
// where there is none.
func bodyResult(resp *http.Response) (tasks.Result, bool) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxResultBytes+1))
	coding := resp.Header.Get("Content-Encoding")
	switch {
	case err != nil:
		return tasks.Result{Err: fmt.Errorf("the body of the answer cannot be read: %w", err)}, true
	case len(body) == 0:
		return tasks.Result{}, false
	case len(body) > MaxResultBytes:
		return tasks.Result{Err: fmt.Errorf("the body of the answer is longer than %d bytes", MaxResultBytes)}, true
	case coding != "" && coding != "identity":
		return tasks.Result{Err: fmt.Errorf("the body of the answer has the content encoding %q, which was not asked for", coding)}, true
	}
	result := tasks.Result{ContentType: resp.Header.Get("Content-Type"), Body: body}
	if result.ContentType == "" {
		result.ContentType = "application/octet-stream"
	}
	return result, true
}
