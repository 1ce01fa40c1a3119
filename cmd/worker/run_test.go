package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/tasks"
)

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warren.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func noEnvironment(string) (string, bool) { return "", false }

func TestUsage(t *testing.T) {
	good := "queues:\n  email: {routes: ['email.#'], handlers: {'#': {exec: ['true']}}}\n  bare: {routes: ['bare.#']}\n"
	for name, c := range map[string]struct {
		config string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"help":                      {"", []string{"--help"}, daemon.ExitDone, "--queue", ""},
		"version":                   {"", []string{"--version"}, daemon.ExitDone, "worker ", ""},
		"unknown flag":              {"", []string{"--nope"}, daemon.ExitUsage, "", "unknown flag: --nope"},
		"unknown argument":          {"", []string{"email"}, daemon.ExitUsage, "", `unknown argument "email"`},
		"no file":                   {"", []string{"-c", "not/there.yaml"}, daemon.ExitUsage, "", "not/there.yaml"},
		"a bad file":                {"queues: {email: {concurrency: 0}}", nil, daemon.ExitUsage, "", "queues.email.concurrency"},
		"no queue":                  {"shutdown: {grace: 1s}", nil, daemon.ExitUsage, "", "queues: there is none"},
		"a queue without handlers":  {good, nil, daemon.ExitUsage, "", "queues.bare.handlers: there is none"},
		"a queue that is not there": {good, []string{"--queue", "image"}, daemon.ExitUsage, "", "--queue image: there is no such queue"},
		"TLS files of a handler": {"queues: {email: {handlers: {'#': {http: {url: 'https://h', tls: {ca: not/there.pem}}}}}}", nil, daemon.ExitUsage, "",
			"queues.email.handlers.#: invalid configuration: http.tls.ca: open not/there.pem"},
		"a key set that is not there": {good + "encryption: {keyset: not/there.json}", []string{"--queue", "email"}, daemon.ExitUsage, "",
			"encryption.keyset: open not/there.json"},
		"health without a listener": {good, []string{"--health"}, daemon.ExitUsage, "", "metrics.listen is not set"},
		"health of nobody": {good + "metrics: {listen: '127.0.0.1:1'}\n", []string{"--health"}, daemon.ExitFailed, "",
			"127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.config != "" {
				args = append(args, "-c", file(t, c.config))
			}
			var stdout, stderr bytes.Buffer
			code := newDaemon().Run(t.Context(), args, &stdout, &stderr, noEnvironment)
			assert.Equal(t, c.code, code, stderr.String())
			assert.Contains(t, stdout.String(), c.stdout)
			assert.Contains(t, stderr.String(), c.stderr)
		})
	}
}

// The limits that the configuration gives to patterns reach the mux.
func TestBuildLimitsPatterns(t *testing.T) {
	cfg, err := config.LoadEnv(file(t, `
queues:
  image:
    routes: ["image.#"]
    handlers:
      "image.render.#": {exec: ["true"], concurrency: 2}
      "#": {http: {url: "http://127.0.0.1:1"}}
`), noEnvironment)
	require.NoError(t, err)
	queues, closeHandlers, err := (&command{}).build(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer closeHandlers()
	require.Len(t, queues, 1)
	require.NoError(t, queues[0].Mux.Err())
	pattern, limit := queues[0].Mux.Match(&tasks.Task{Key: "image.render.video"})
	assert.Equal(t, "image.render.#", pattern)
	assert.Equal(t, 2, limit)
	_, limit = queues[0].Mux.Match(&tasks.Task{Key: "image.resize"})
	assert.Zero(t, limit)
}

// Where spans are wanted in a way that is not spoken, nothing starts.
func TestTracesThatCannotBeExported(t *testing.T) {
	path := file(t, "queues:\n  email: {routes: ['email.#'], handlers: {'#': {exec: ['true']}}}\n")
	environment := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
	var stderr bytes.Buffer
	code := newDaemon().Run(t.Context(), []string{"-c", path}, io.Discard, &stderr, func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	})
	assert.Equal(t, daemon.ExitUsage, code)
	assert.Equal(t, "worker: invalid environment for OpenTelemetry: OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported, "+
		"only http/protobuf is: collectors take it on port 4318\n", stderr.String())
}
