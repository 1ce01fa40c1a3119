package main

import (
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHandleReportsTheThumbnail(t *testing.T) {
	answer := http.StatusOK
	reports := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reports++
		small, err := png.Decode(r.Body)
		if assert.NoError(t, err) {
			assert.Equal(t, "(8,4)", small.Bounds().Size().String())
		}
		assert.Equal(t, run{id: "id", key: "image.thumbnail", queue: "demo.image", attempt: 2}, runOf(r.Header))
		w.WriteHeader(answer)
	}))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	environment := map[string]string{
		"DEMO_REPORT_URL": server.URL, "WARREN_TASK_ID": "id", "WARREN_ROUTING_KEY": "image.thumbnail",
		"WARREN_QUEUE": "demo.image", "WARREN_ATTEMPT": "2",
	}
	getenv := func(name string) string { return environment[name] }
	var stderr strings.Builder
	assert.Zero(t, handle(t.Context(), strings.NewReader(`{"width": 64, "height": 32, "seed": 1}`), &stderr, getenv))
	assert.Empty(t, stderr.String())
	assert.Equal(t, 1, reports)

	answer = http.StatusServiceUnavailable
	assert.Equal(t, exitTryAgain, handle(t.Context(), strings.NewReader(`{"width": 64, "height": 32}`), &stderr, getenv))
	assert.Contains(t, stderr.String(), "503")
}

func TestHandleRefusesPayloads(t *testing.T) {
	for payload, want := range map[string]string{
		`{"width": 64`:                    "not JSON",
		`{}`:                              "0 x 0 pixels",
		`{"width": 7, "height": 64}`:      "7 x 64 pixels",
		`{"width": 64, "height": 100000}`: "64 x 100000 pixels",
	} {
		var stderr strings.Builder
		code := handle(t.Context(), strings.NewReader(payload), &stderr, func(string) string { return "" })
		assert.Equal(t, exitMalformed, code, payload)
		assert.Contains(t, stderr.String(), want)
	}
}

func TestHandleNeedsNobodyToReportTo(t *testing.T) {
	code := handle(t.Context(), strings.NewReader(picture(100)), t.Output(), func(string) string { return "" })
	assert.Zero(t, code)
}
