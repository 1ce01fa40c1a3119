package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMetrics(t *testing.T) {
	t.Parallel()
	told, err := parseMetrics([]byte("# HELP a b\na 1.5e+06\nb{x=\"1 2\"} 2\nb{x=\"3\"} 3\n\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"a": 1.5e6, "b": 5, `b{x="1 2"}`: 2, `b{x="3"}`: 3}, told)
	for _, text := range []string{"a", "a b", "<html>"} {
		_, err := parseMetrics([]byte(text))
		assert.ErrorIs(t, err, errAnswer)
	}
}

func TestSampler(t *testing.T) {
	t.Parallel()
	answers := http.NewServeMux()
	say := func(path, text string) {
		answers.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	say("/metrics", "process_resident_memory_bytes 10485760\ngo_goroutines 7\n")
	say("/api/nodes", `[{"mem_used":2097152}]`)
	say("/api/queues", `[{"name":"chaos","messages":3},{"name":"warren.delay.01.2","messages":4},{"name":"warren.delay.00.1"},{"name":"chaos.dead","messages":9}]`)
	server := httptest.NewServer(answers)
	defer server.Close()
	s := sampler{
		management: server.URL, ladder: "warren.delay.", names: []string{"worker-1", "away"}, rate: 5, last: map[string]map[string]float64{},
		listens: map[string]string{"worker-1": strings.TrimPrefix(server.URL, "http://"), "away": "127.0.0.1:1"}, began: time.Now(),
	}
	over := make(chan struct{})
	close(over)
	s.run(t.Context(), time.Hour, over)
	s.sample(t.Context())
	got := map[string]float64{}
	for _, one := range s.series {
		assert.Len(t, one.Points, 2)
		got[one.Of+" "+one.Measure.Name] = one.Points[1].Value
	}
	assert.Equal(t, map[string]float64{
		"worker-1 memory MiB": 10, "worker-1 heap MiB": 0, "worker-1 goroutines": 7, "worker-1 threads": 0, "worker-1 files": 0,
		"RabbitMQ memory MiB": 2, "RabbitMQ ready and unacked": 3, "RabbitMQ delayed": 4,
	}, got)
	require.Len(t, s.failures, 2)
	assert.Contains(t, s.failures[0], "away after 0s")

	_, err := ask(t.Context(), strings.Replace(server.URL, "://", "://guest:secret@", 1)+"/nowhere")
	require.ErrorIs(t, err, errAnswer)
	assert.NotContains(t, err.Error(), "secret")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ask(ctx, "http://guest:secret@127.0.0.1:1")
	require.ErrorIs(t, err, context.Canceled)
	assert.NotContains(t, err.Error(), "secret")
}
