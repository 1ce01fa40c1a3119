package handlers

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// StatusError is an answer of a web service that is not a success.
type StatusError struct {
	// Code is the status, e.g. 503.
	Code int
	// Body is the beginning of the answer's body, at most 512 bytes of valid UTF-8.
	Body string
}

// Error tells the status and the body.
func (e *StatusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, http.StatusText(e.Code)))
	if e.Body == "" {
		return text
	}
	return text + ": " + e.Body
}

// statusOutcome turns an answer into the outcome of its task.
func statusOutcome(resp *http.Response, body string, now time.Time) error {
	code := resp.StatusCode
	err := &StatusError{Code: code, Body: body}
	switch {
	case 200 <= code && code < 300:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if after, ok := retryAfter(resp.Header.Get("Retry-After"), now); ok {
			return tasks.RetryAfter(after, err)
		}
		return err
	case code == http.StatusRequestTimeout:
		return err
	case 300 <= code && code < 500:
		return tasks.Permanent(err)
	default:
		return err
	}
}

// retryAfter reads a Retry-After: seconds, or a date, of which one that is past means at once. The
// second result is false where it is neither.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, math.MaxInt64/uint64(time.Second))) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, at.Sub(now)), true
}
