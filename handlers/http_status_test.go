package handlers

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

var now = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// The kinds of outcomes.
const (
	done      = "done"
	retried   = "retried"
	postponed = "retried after a time"
	permanent = "permanent"
)

func kind(err error) string {
	var (
		after *tasks.RetryAfterError
		never *tasks.PermanentError
	)
	switch {
	case err == nil:
		return done
	case errors.As(err, &after):
		return postponed
	case errors.As(err, &never):
		return permanent
	default:
		return retried
	}
}

func TestStatusOutcomes(t *testing.T) {
	kinds := map[int]string{101: retried, 408: retried, 429: retried, 600: retried, 999: retried}
	for code := 200; code < 600; code++ {
		if kinds[code] != "" {
			continue
		}
		kinds[code] = map[int]string{2: done, 3: permanent, 4: permanent, 5: retried}[code/100]
	}
	for code, want := range kinds {
		err := statusOutcome(&http.Response{StatusCode: code}, "why", now)
		assert.Equal(t, want, kind(err), "%+v", code)
		if want == done {
			continue
		}
		var status *StatusError
		require.ErrorAs(t, err, &status)
		assert.Equal(t, &StatusError{Code: code, Body: "why"}, status)
	}
}

func TestStatusRetryAfter(t *testing.T) {
	for _, code := range []int{429, 503} {
		resp := &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {"120"}}}
		var after *tasks.RetryAfterError
		require.ErrorAs(t, statusOutcome(resp, "", now), &after)
		assert.Equal(t, 2*time.Minute, after.After)
	}
	for code, want := range map[int]string{200: done, 301: permanent, 404: permanent, 408: retried, 500: retried} {
		resp := &http.Response{StatusCode: code, Header: http.Header{"Retry-After": {"120"}}}
		assert.Equal(t, want, kind(statusOutcome(resp, "", now)), "only 429 and 503 are asked when to retry")
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"0":                              0,
		"1":                              time.Second,
		"3600":                           time.Hour,
		"9223372036854775807":            9223372036 * time.Second,
		"Sun, 22 Nov 2026 06:01:30 GMT":  90 * time.Second,
		"Sunday, 22-Nov-26 06:01:30 GMT": 90 * time.Second,
		"Sun Nov 22 06:01:30 2026":       90 * time.Second,
		"Sun, 22 Nov 2026 05:00:00 GMT":  0,
		"Fri, 31 Dec 9999 23:59:59 GMT":  9223372036854775807,
	} {
		after, ok := retryAfter(value, now)
		assert.True(t, ok, value)
		assert.Equal(t, want, after, value)
	}
	for _, value := range []string{"", "-1", "1.5", "soon", "10s", "99999999999999999999", "2026-11-22T06:00:00Z"} {
		_, ok := retryAfter(value, now)
		assert.False(t, ok, value)
	}
}

func TestStatusErrorTellsStatusAndBody(t *testing.T) {
	require.EqualError(t, &StatusError{Code: 404}, "404 Not Found")
	require.EqualError(t, &StatusError{Code: 500, Body: "no luck"}, "500 Internal Server Error: no luck")
	assert.EqualError(t, &StatusError{Code: 599}, "599")
}
