package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outcome is what became of a run.
type outcome struct {
	code           int
	stdout, stderr string
}

// environment is a run's, and its stdin.
type environment struct {
	variables map[string]string
	stdin     string
}

func (e environment) run(ctx context.Context, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(e.stdin), &stdout, &stderr, e.lookup)
	return outcome{code, stdout.String(), stderr.String()}
}

func (e environment) lookup(name string) (string, bool) {
	value, set := e.variables[name]
	return value, set
}

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warren.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestRunAnswers(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"version"}} {
		o := environment{}.run(t.Context(), args...)
		assert.Equal(t, exitDone, o.code)
		assert.Regexp(t, `^warren \S+\n$`, o.stdout)
		assert.Empty(t, o.stderr)
	}
	for _, args := range [][]string{nil, {"dead"}, {"help"}, {"enqueue", "--help"}, {"dead", "ls", "-h"}, {"dead", "show", "-h"}, {"keyset", "rotate", "-h"}, {"routes", "explain", "-h"}, {"schedule"}, {"schedule", "ls", "-h"}, {"schedule", "history", "-h"}} {
		o := environment{}.run(t.Context(), args...)
		assert.Equal(t, exitDone, o.code)
		assert.Contains(t, o.stdout, "Usage:\n  warren ")
		assert.Contains(t, o.stdout, "-c, --config FILE")
		assert.Empty(t, o.stderr)
	}
}

// What cannot be meant is told before anything is connected, with exit code 2 and without a result.
func TestRunRefuses(t *testing.T) {
	empty, bad := file(t, ""), file(t, "queues: {q: {concurrency: 0}}")
	noTLS := file(t, "broker: {tls: {ca: no-such-file.pem}}")
	some, guarded := file(t, "queues: {email: {routes: ['email.#']}}"), file(t, "guard:")
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"command":              {[]string{"enqeue", "a"}, `warren: unknown command "enqeue" for "warren"`},
		"command within":       {[]string{"dead", "list"}, "warren: unknown command \"list\" for \"warren dead\"\nSee warren dead --help.\n"},
		"flag":                 {[]string{"queues", "--loud"}, "warren: unknown flag: --loud\nSee warren queues --help.\n"},
		"no such file":         {[]string{"-c", empty + ".old", "enqueue", "a"}, "warren: read the configuration: open " + empty + ".old"},
		"problems":             {[]string{"-c", bad, "routes"}, "warren: " + bad + ":1: queues.q.concurrency: 0 is not within 1..10000\n"},
		"problems, enqueue":    {[]string{"-c", bad, "enqueue", "a"}, "queues.q.concurrency"},
		"TLS files":            {[]string{"-c", noTLS, "enqueue", "a"}, "broker.tls.ca: open no-such-file.pem"},
		"backlog":              {[]string{"-c", some, "queues", "--backlog", "0"}, "warren: --backlog: 0 is below 1\n"},
		"failure rate":         {[]string{"-c", some, "queues", "--failure-rate", "NaN"}, "warren: --failure-rate: NaN is not above 0 and at most 100\n"},
		"wait, queues":         {[]string{"-c", some, "queues", "--wait", "0s"}, "warren: --wait: 0s is not above 0\n"},
		"except":               {[]string{"-c", some, "queues", "--check", "--except", "dead,deaf"}, `warren: --except: "deaf" is none of no-leader, `},
		"strict":               {[]string{"-c", some, "queues", "--strict"}, "warren: --strict is wanted with --check only\n"},
		"interval":             {[]string{"-c", some, "queues", "--watch", "--interval", "100ms"}, "warren: --interval: 100ms is not within 500ms..1h\n"},
		"check and watch":      {[]string{"-c", some, "queues", "--watch", "--check"}, "[check watch]"},
		"queues without any":   {[]string{"-c", empty, "queues"}, "warren: " + empty + ": queues: there is none\n"},
		"routes without any":   {[]string{"-c", empty, "routes"}, "queues: there is none"},
		"explain without any":  {[]string{"-c", empty, "routes", "explain", "a"}, "queues: there is none"},
		"explain nothing":      {[]string{"-c", some, "routes", "explain"}, "accepts 1 arg(s), received 0"},
		"explain a pattern":    {[]string{"-c", some, "routes", "explain", "email.*"}, `warren: invalid routing key "email.*": the word "*"`},
		"queues of something":  {[]string{"-c", some, "queues", "email"}, `unknown command "email" for "warren queues"`},
		"enqueue nothing":      {[]string{"enqueue"}, "warren: accepts 1 arg(s), received 0\nSee warren enqueue --help.\n"},
		"key":                  {[]string{"enqueue", "a..b"}, `warren: invalid routing key "a..b"`},
		"JSON":                 {[]string{"enqueue", "a", "--data", "{\n  \"a\": 1,}"}, "warren: --data:2:10: not JSON: invalid character '}'"},
		"JSON cut short":       {[]string{"enqueue", "a", "--data", `{"a"`}, "--data:1:4: not JSON: unexpected end"},
		"JSON that is empty":   {[]string{"enqueue", "a", "--data", ""}, "--data:1:1: not JSON: unexpected end"},
		"JSON by another name": {[]string{"enqueue", "a", "--data", "x", "--content-type", "application/cloudevents+json; charset=utf-8"}, "not JSON"},
		"JSON from stdin":      {[]string{"enqueue", "a", "--data", "-"}, "warren: stdin:1:1: not JSON: invalid character 'h'"},
		"JSON file":            {[]string{"enqueue", "a", "--data", "@" + some}, "warren: " + some + ":1:1: not JSON"},
		"no data file":         {[]string{"enqueue", "a", "--data", "@" + some + ".old"}, "warren: --data: open " + some + ".old"},
		"priority":             {[]string{"enqueue", "a", "--priority", "0"}, "warren: --priority: 0 is not within 1..9\n"},
		"high priority":        {[]string{"enqueue", "a", "--priority", "10"}, "warren: invalid task: priority: 10 is not within 1..9\n"},
		"priority in words":    {[]string{"enqueue", "a", "--priority", "high"}, `invalid argument "high" for "--priority" flag`},
		"delay":                {[]string{"enqueue", "a", "--delay", "soon"}, `warren: --delay: "soon" is not a duration`},
		"delay below 0":        {[]string{"enqueue", "a", "--delay", "-5s"}, "warren: --delay: -5s is below 0\n"},
		"time":                 {[]string{"enqueue", "a", "--at", "9:00"}, `warren: --at: "9:00" is not a time in RFC 3339`},
		"delay and time":       {[]string{"enqueue", "a", "--delay", "5s", "--at", "2026-11-22T09:00:00Z"}, "[delay at]"},
		"header":               {[]string{"enqueue", "a", "--header", "tenant"}, `warren: --header: NAME=VALUE is wanted, not "tenant"`},
		"header twice":         {[]string{"enqueue", "a", "--header", "a=1", "--header", "a=2"}, `warren: --header: "a" is given twice`},
		"reserved header":      {[]string{"enqueue", "a", "--header", "warren-attempt=2"}, "invalid task: header warren-attempt: the name is Warren's own"},
		"credential":           {[]string{"-c", guarded, "enqueue", "a", "--data", `{"user": {"password": "hunter2"}}`}, "the field user.password is named like a credential"},
		"keyset of nothing":    {[]string{"keyset", "new"}, "warren: accepts 1 arg(s), received 0\nSee warren keyset new --help.\n"},
		"dead show without ID": {[]string{"dead", "show", "email"}, "warren: --id is wanted: dead ls tells the IDs\nSee warren dead show --help.\n"},
		"dead show queue":      {[]string{"dead", "show", "warren.tasks", "--id", "7"}, `warren: invalid queue name "warren.tasks"`},
		"dead ls of nothing":   {[]string{"dead", "ls"}, "warren: a queue is wanted, or --unrouted\nSee warren dead ls --help.\n"},
		"dead ls of two":       {[]string{"dead", "ls", "a", "b"}, "one queue is wanted, not 2"},
		"dead ls of both":      {[]string{"dead", "ls", "a", "--unrouted"}, "a queue and --unrouted exclude each other"},
		"dead ls key":          {[]string{"dead", "ls", "a", "--key", "a.b*"}, `warren: --key: invalid routing pattern "a.b*"`},
		"dead ls since":        {[]string{"dead", "ls", "a", "--since", "soon"}, `warren: --since: "soon" is neither how long ago, such as 90s or 7d, nor a time`},
		"dead ls since later":  {[]string{"dead", "ls", "a", "--since", "-5s"}, "warren: --since: -5s is below 0\n"},
		"dead ls before":       {[]string{"dead", "ls", "a", "--before", "9:00"}, `warren: --before: "9:00" is neither`},
		"dead ls limit":        {[]string{"dead", "ls", "a", "--limit", "-1"}, "--limit: -1 is below 0"},
		"dead groups of two":   {[]string{"dead", "groups", "a", "b"}, "one queue is wanted, not 2"},
		"dead groups of both":  {[]string{"dead", "groups", "a", "--unrouted"}, "a queue and --unrouted exclude each other"},
		"dead groups, no file": {[]string{"-c", empty, "dead", "groups"}, "queues: there is none"},
		"dead groups error":    {[]string{"dead", "groups", "a", "--since", "x"}, "--since:"},
		"replay without ask":   {[]string{"dead", "replay", "a"}, "warren: nobody is here to be asked: look with --dry-run, then give --yes\n"},
		"replay set, no ask":   {[]string{"dead", "replay", "a", "--set", "a=1", "--limit", "5"}, "nobody is here to be asked"},
		"drop without ask":     {[]string{"dead", "drop", "a", "--id", "7"}, "nobody is here to be asked"},
		"replay of nothing":    {[]string{"dead", "replay", "--yes"}, "a queue is wanted, or --unrouted"},
		"replay rate":          {[]string{"dead", "replay", "a", "--rate", "-1"}, "--rate: -1 is no number of letters"},
		"drop rate":            {[]string{"dead", "drop", "a", "--rate", "NaN"}, "--rate: NaN is no number of letters"},
		"replay max-replays":   {[]string{"dead", "replay", "a", "--max-replays", "0"}, "--max-replays: 0 is below 1"},
		"replay set":           {[]string{"dead", "replay", "a", "--set", "a..b=1"}, `warren: --set: invalid path "a..b=1": a name is missing`},
		"replay set nothing":   {[]string{"dead", "replay", "a", "--set", "a"}, `path=value is wanted`},
		"replay set and edit":  {[]string{"dead", "replay", "a", "--set", "a=1", "--edit"}, "[set edit]"},
		"replay edit dry":      {[]string{"dead", "replay", "a", "--edit", "--dry-run"}, "[edit dry-run]"},
		"drop key":             {[]string{"dead", "drop", "a", "--key", "a.b*", "--yes"}, "--key: invalid routing pattern"},
		"dead ls queue":        {[]string{"dead", "ls", "warren.tasks"}, `warren: invalid queue name "warren.tasks"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := environment{stdin: "hello"}.run(t.Context(), test.args...)
			assert.Equal(t, exitUsage, o.code)
			assert.Contains(t, o.stderr, test.says)
			assert.NotContains(t, o.stderr, "hunter2")
			assert.Empty(t, o.stdout)
		})
	}
}

func TestEnvironmentIsChecked(t *testing.T) {
	env := environment{variables: map[string]string{"WARREN_URL": "http://u:sesame@host"}}
	o := env.run(t.Context(), "enqueue", "a")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "WARREN_URL: it is not a URL of the scheme amqp or amqps")
	assert.NotContains(t, o.stderr, "sesame")

	env.variables = map[string]string{"WARREN_CONFIG": "no-such.yaml"}
	assert.Contains(t, env.run(t.Context(), "enqueue", "a").stderr, "open no-such.yaml")

	env.variables = map[string]string{"WARREN_LOG_LEVEL": "loud"}
	o = env.run(t.Context(), "enqueue", "a")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, `WARREN_LOG_LEVEL: "loud" is none of`)
}

// A broker that is away is no error of usage, and its credentials are nobody's business.
func TestNoBroker(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"enqueue", "a"}, {"dead", "ls", "email"}} {
		env := environment{variables: map[string]string{"WARREN_URL": "amqp://u:sesame@127.0.0.1:1", "WARREN_LOG_LEVEL": "debug"}}
		o := env.run(ctx, args...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "warren: not connected: ")
		assert.NotContains(t, o.stderr, "sesame")
		assert.Empty(t, o.stdout)
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestReaderThatHasHadEnough(t *testing.T) {
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"version"}, nil, closedPipe{}, &stderr, environment{}.lookup)
	assert.Equal(t, exitDone, code)
	assert.Empty(t, stderr.String())
}
