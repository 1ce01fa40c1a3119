package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/daemon"
	"github.com/warrenmq/warren/internal/logtest"
)

// patience bounds every wait of these tests; none of it passes where things go well.
const patience = 30 * time.Second

// outcome is what became of a run.
type outcome struct {
	code           int
	stdout, stderr string
}

func runWith(ctx context.Context, env map[string]string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := newDaemon().Run(ctx, args, &stdout, &stderr, lookup(env))
	return outcome{code, stdout.String(), stderr.String()}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	}
}

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warren.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// freeAddress is an address where nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}

const minutely = "schedules: {minutely: {cron: '* * * * *', key: test.minutely}}\n"

func TestRunAnswers(t *testing.T) {
	o := runWith(t.Context(), nil, "--version")
	assert.Equal(t, daemon.ExitDone, o.code)
	assert.Regexp(t, `^scheduler \S+\n$`, o.stdout)

	o = runWith(t.Context(), nil, "--help")
	assert.Equal(t, daemon.ExitDone, o.code)
	assert.Contains(t, o.stdout, "-c, --config")
	assert.Empty(t, o.stderr)
}

func TestRunRefuses(t *testing.T) {
	empty, bad := file(t, ""), file(t, "queues: {q: {concurrency: 0, timeout: 0s}}")
	noTLS := file(t, minutely+"broker: {tls: {ca: no-such-file.pem}}")
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		says string
	}{
		"flag":         {[]string{"--loud"}, nil, "scheduler: unknown flag: --loud; see scheduler --help\n"},
		"argument":     {[]string{"warren.yaml"}, nil, `unknown argument "warren.yaml"`},
		"no file":      {[]string{"-c", empty + ".old"}, nil, "read the configuration: open " + empty + ".old"},
		"named in env": {nil, map[string]string{"WARREN_CONFIG": empty + ".old"}, "open " + empty + ".old"},
		"problems": {[]string{"--config", bad}, nil,
			"scheduler: " + bad + ":1: queues.q.concurrency: 0 is not within 1..10000\n" + bad + ":1: queues.q.timeout: "},
		"no schedules": {[]string{"-c", empty}, nil, empty + ": schedules: there is none"},
		"level":        {[]string{"-c", empty}, map[string]string{"WARREN_LOG_LEVEL": "loud"}, `WARREN_LOG_LEVEL: "loud" is none of`},
		"TLS files":    {[]string{"-c", noTLS}, nil, "broker.tls.ca: open no-such-file.pem"},
		"broker URL": {[]string{"-c", file(t, minutely)}, map[string]string{"WARREN_URL": "amqp://host/%20a b"},
			"invalid broker configuration"},
		"nobody to ask": {[]string{"-c", empty, "--health"}, nil, "metrics.listen is not set: there is nobody to ask"},
	} {
		t.Run(name, func(t *testing.T) {
			o := runWith(t.Context(), test.env, test.args...)
			assert.Equal(t, daemon.ExitUsage, o.code)
			assert.Contains(t, o.stderr, test.says)
			assert.Empty(t, o.stdout)
		})
	}
}

func TestRunFailsWhereItsAddressIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	path := file(t, minutely+"metrics: {listen: '"+listener.Addr().String()+"'}")
	o := runWith(t.Context(), map[string]string{"WARREN_URL": "amqp://" + freeAddress(t)}, "-c", path)
	assert.Equal(t, daemon.ExitFailed, o.code)
	assert.Contains(t, o.stderr, "address already in use")
}

// background runs the program until the test stops it, which returns its exit code.
func background(t *testing.T, env map[string]string, args ...string) (log *logtest.Log, stop func() int) {
	t.Helper()
	log = &logtest.Log{}
	ctx, cancel := context.WithCancel(context.Background())
	exited := make(chan int, 1)
	go func() { exited <- newDaemon().Run(ctx, args, new(bytes.Buffer), log, lookup(env)) }()
	stop = func() int {
		cancel()
		select {
		case code := <-exited:
			exited <- code
			return code
		case <-time.After(patience):
			require.FailNow(t, "the scheduler does not stop", log.String())
			return -1
		}
	}
	t.Cleanup(func() { stop() })
	return log, stop
}

// A broker that is away is waited for; health tells of it, and the scheduler can be stopped.
func TestRunWaitsForTheBroker(t *testing.T) {
	path := file(t, minutely+"metrics: {listen: '"+freeAddress(t)+"'}")
	o := runWith(t.Context(), nil, "-c", path, "--health")
	assert.Equal(t, daemon.ExitFailed, o.code, "nobody answers")

	log, stop := background(t, map[string]string{"WARREN_URL": "amqp://user:secret@" + freeAddress(t)}, "-c", path)
	log.Await(t, "serving health", patience)
	log.Await(t, "connection refused", patience)
	o = runWith(t.Context(), nil, "-c", path, "--health")
	assert.Equal(t, daemon.ExitFailed, o.code)
	assert.Contains(t, o.stderr, "scheduler: not ready: starting")

	assert.Equal(t, daemon.ExitDone, stop())
	assert.NotContains(t, log.String(), "secret")
}
