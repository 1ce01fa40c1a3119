package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

// env is an environment as os.LookupEnv tells it.
func env(variables map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}
}

func parse(text string) (*Config, error) { return Parse("warren.yaml", []byte(text), env(nil)) }

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := parse(text)
	require.NoError(t, err)
	return c
}

func pattern(t *testing.T, text string) routing.Pattern {
	t.Helper()
	p, err := routing.ParsePattern(text)
	require.NoError(t, err)
	return p
}

func TestParseEverything(t *testing.T) {
	c := mustParse(t, `
broker:
  urls: [amqp://guest:guest@127.0.0.1:5672/, "amqps://rabbit-2/jobs"]
  management: http://guest:guest@127.0.0.1:15672
  tls: {ca: ca.pem, cert: client.pem, key: client-key.pem}
  prefix: acme
queues:
  email:
    routes: ["email.#", "news.*"]
    handlers:
      "email.#": {http: {url: "https://127.0.0.1:8443/tasks", timeout: 20s, headers: {X-Token: 123}, tls: {ca: ca.pem, cert: c.pem, key: k.pem}}}
      "email.*": {exec: ["./bin/send-email", --port, 25], concurrency: 2}
    concurrency: 3
    timeout: 1d12h
    prefetch: 7
    rate_limit: {per_second: 0.5, burst: 3}
    type: classic
    retry: {max_attempts: 8, initial: 100ms, max: 1h, factor: 1.5, jitter: 0}
  bulk:
schedules:
  daily-report: {cron: "0 9 * * *", tz: Asia/Tokyo, key: report.daily, payload: {kind: full}, priority: 7}
  clean-up: {cron: "@hourly", key: clean}
  poll: {id: poll-1, every: 90m, tz: Asia/Tokyo, jitter: 5m, key: poll, catch_up: none, payload: {a: ['{{ .ScheduledFor }}']}}
  gift: {at: 2026-12-24T18:00:00+01:00, key: gift, catch_up: {policy: all, max: 7, spacing: 0s}}
  import:
    cron: 0 4 * * *
    key: import
    catch_up: {policy: all}
history: {level: all, retention: 30d, max_size: 2GB}
metrics: {listen: "127.0.0.1:9464"}
shutdown: {grace: 10s}
encryption: {keyset: keyset.json, required: true}
guard: {fields: [password, api_key]}
`)
	assert.Equal(t, &Config{
		File: "warren.yaml",
		Broker: Broker{
			URLs:       []string{"amqp://guest:guest@127.0.0.1:5672/", "amqps://rabbit-2/jobs"},
			Management: "http://guest:guest@127.0.0.1:15672",
			TLS:        TLS{CA: "ca.pem", Cert: "client.pem", Key: "client-key.pem"},
			Prefix:     "acme",
		},
		Queues: []Queue{{
			Name:   "email",
			Routes: []routing.Pattern{pattern(t, "email.#"), pattern(t, "news.*")},
			Handlers: []Handler{
				{Pattern: "email.#", HTTP: &HTTP{
					URL: "https://127.0.0.1:8443/tasks", Timeout: 20 * time.Second, Headers: map[string]string{"X-Token": "123"},
					TLS: TLS{CA: "ca.pem", Cert: "c.pem", Key: "k.pem"},
				}},
				{Pattern: "email.*", Exec: []string{"./bin/send-email", "--port", "25"}, Concurrency: 2},
			},
			Concurrency: 3, Timeout: 36 * time.Hour, Prefetch: 7, RateLimit: RateLimit{PerSecond: 0.5, Burst: 3}, Type: routing.Classic,
			Retry: tasks.RetryPolicy{
				MaxAttempts: 8, Backoff: tasks.Exponential, Initial: 100 * time.Millisecond, Max: time.Hour, Factor: 1.5, Jitter: tasks.NoJitter,
			},
		}, {
			Name: "bulk", Concurrency: 10, Timeout: time.Minute, Type: routing.Auto,
			Retry: tasks.RetryPolicy{}.WithDefaults(),
		}},
		Schedules: []scheduler.Entry{
			{
				Name: "daily-report", Cron: "0 9 * * *", TZ: "Asia/Tokyo", Key: "report.daily", CatchUp: scheduler.CatchUp{Policy: scheduler.CatchUpLast},
				Payload: []byte(`{"kind":"full"}`), ContentType: "application/json", Priority: 7,
			},
			{
				Name: "clean-up", Cron: "@hourly", TZ: "UTC", Key: "clean", CatchUp: scheduler.CatchUp{Policy: scheduler.CatchUpLast},
				Payload: []byte(`{}`), ContentType: "application/json",
			},
			{
				Name: "poll", ID: "poll-1", Every: 90 * time.Minute, TZ: "Asia/Tokyo", Jitter: 5 * time.Minute, Key: "poll",
				CatchUp: scheduler.CatchUp{Policy: scheduler.CatchUpNone}, Template: c.Schedules[2].Template, ContentType: "application/json",
			},
			{
				Name: "gift", At: "2026-12-24T18:00:00+01:00", TZ: "UTC", Key: "gift",
				CatchUp: scheduler.CatchUp{Policy: scheduler.CatchUpAll, Max: 7, Spacing: scheduler.NoCatchUpSpacing},
				Payload: []byte(`{}`), ContentType: "application/json",
			},
			{
				Name: "import", Cron: "0 4 * * *", TZ: "UTC", Key: "import",
				CatchUp: scheduler.CatchUp{Policy: scheduler.CatchUpAll, Max: 100, Spacing: time.Second},
				Payload: []byte(`{}`), ContentType: "application/json",
			},
		},
		History:    History{Level: history.All, Retention: 30 * day, MaxSize: 2e9},
		Metrics:    Metrics{Listen: "127.0.0.1:9464"},
		Shutdown:   Shutdown{Grace: 10 * time.Second},
		Encryption: Encryption{Keyset: "keyset.json", Required: true},
		Guard:      Guard{Fields: []string{"password", "api_key"}},
	}, c)

	assert.JSONEq(t, `{"a":["{{ .ScheduledFor }}"]}`, c.Schedules[2].Template.String())

	assert.Equal(t, routing.Spec{
		Names: routing.Names{Prefix: "acme"},
		Queues: []routing.QueueSpec{
			{Name: "email", Routes: c.Queues[0].Routes, Type: routing.Classic},
			{Name: "bulk", Type: routing.Auto},
		},
		Streams: []routing.StreamSpec{
			{Name: "acme.history", MaxAge: 30 * day, MaxBytes: 2e9, SegmentBytes: 16 << 20},
			{Name: "acme.schedule", MaxBytes: 64 << 20, SegmentBytes: 4 << 20},
			{Name: "acme.lease", MaxBytes: 1 << 20, SegmentBytes: 256 << 10},
		},
	}, c.Spec())
	assert.NoError(t, c.Spec().Validate())
}

func TestParseNothing(t *testing.T) {
	want := &Config{
		File: "warren.yaml", Broker: Broker{Prefix: "warren"}, Shutdown: Shutdown{Grace: 30 * time.Second},
		History: History{Level: history.Outcomes, Retention: 7 * day, MaxSize: 10 << 30},
	}
	for _, text := range []string{
		"", "# nothing yet\n", "---\n", "{}", "broker:\nqueues:\nschedules:\nhistory:\nmetrics:\nshutdown:\n",
		"broker: {urls: , tls: }", "queues: {}\nschedules: {}",
	} {
		assert.Equal(t, want, mustParse(t, text), text)
	}
}

func TestParseRetries(t *testing.T) {
	for text, want := range map[string]tasks.RetryPolicy{
		"":                            {Backoff: tasks.Exponential, Initial: 2 * time.Second, Max: time.Minute, Factor: 2},
		"backoff: exponential":        {Backoff: tasks.Exponential, Initial: 2 * time.Second, Max: time.Minute, Factor: 2},
		"backoff: linear":             {Backoff: tasks.Linear, Initial: 2 * time.Second, Max: time.Minute},
		"backoff: fixed, initial: 5m": {Backoff: tasks.Fixed, Initial: 5 * time.Minute, Max: 5 * time.Minute},
	} {
		want.MaxAttempts, want.Jitter = 5, 0.1
		assert.Equal(t, want, mustParse(t, "queues: {q: {retry: {"+text+"}}}").Queues[0].Retry, text)
	}
}

func TestParseRateLimit(t *testing.T) {
	for text, want := range map[string]RateLimit{
		"per_second: 100":             {100, 100},
		"per_second: 100, burst: 10":  {100, 10},
		"per_second: 2.01":            {2.01, 3},
		"per_second: 0.5":             {0.5, 1},
		"per_second: 0.0001":          {0.0001, 1},
		"per_second: 1e5, burst: 1":   {100_000, 1},
		"burst: 1, per_second: 100_0": {1000, 1},
	} {
		assert.Equal(t, want, mustParse(t, "queues: {q: {rate_limit: {"+text+"}}}").Queues[0].RateLimit, text)
	}
	assert.Zero(t, mustParse(t, "queues: {q: }").Queues[0].RateLimit)
}

func TestParseAliases(t *testing.T) {
	c := mustParse(t, `
queues:
  a: {retry: &slow {initial: 1m, max: 1h}, routes: [&all "#"]}
  b: {retry: *slow, routes: [*all]}
`)
	assert.Equal(t, c.Queues[0].Retry, c.Queues[1].Retry)
	assert.Equal(t, c.Queues[0].Routes, c.Queues[1].Routes)
}

func TestParseOverridesURLs(t *testing.T) {
	const text = "broker: {urls: ['amqp://file', '${NOT_SET}']}"
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"warren":          {map[string]string{"WARREN_URL": "amqps://warren"}, "amqps://warren"},
		"amqp":            {map[string]string{"AMQP_URL": "amqp://env"}, "amqp://env"},
		"warren is first": {map[string]string{"WARREN_URL": "amqp://warren", "AMQP_URL": "amqp://env"}, "amqp://warren"},
		"empty is unset":  {map[string]string{"WARREN_URL": "", "AMQP_URL": "amqp://env"}, "amqp://env"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse("warren.yaml", []byte(text), env(test.env))
			require.NoError(t, err)
			assert.Equal(t, []string{test.want}, c.Broker.URLs)
		})
	}

	_, err := Parse("warren.yaml", nil, env(map[string]string{"AMQP_URL": "amqp://user:secret@"}))
	require.ErrorIs(t, err, ErrInvalid)
	assert.EqualError(t, err, "AMQP_URL: it is a URL without a host")
}

func TestLocate(t *testing.T) {
	named := env(map[string]string{"WARREN_CONFIG": "/etc/warren.yaml"})
	assert.Equal(t, "my.yaml", Locate("my.yaml", named))
	assert.Equal(t, "/etc/warren.yaml", Locate("", named))
	assert.Equal(t, "warren.yaml", Locate("", env(nil)))
	assert.Equal(t, "warren.yaml", Locate("", env(map[string]string{"WARREN_CONFIG": ""})))
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.yaml")
	_, err := Load(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "read the configuration: ")

	t.Setenv("WARREN_URL", "")
	t.Setenv("AMQP_URL", "")
	t.Setenv("WARREN_TEST_PREFIX", "acme")
	require.NoError(t, os.WriteFile(path, []byte("broker: {prefix: '${WARREN_TEST_PREFIX}'}"), 0o600))
	c, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, "acme", c.Broker.Prefix)
	assert.Equal(t, path, c.File)

	require.NoError(t, os.WriteFile(path, []byte("broker: {prefix: ''}"), 0o600))
	_, err = Load(path)
	require.ErrorIs(t, err, routing.ErrInvalidPrefix)
	assert.EqualError(t, err, path+`:1: broker.prefix: invalid prefix "": it is not of letters, digits, _ and -`)
}

func TestErrorsAreOfTheirPlace(t *testing.T) {
	_, err := parse("\n\nqueues:\n  email:\n    concurrency: 0\n")
	require.ErrorIs(t, err, ErrInvalid)
	var field *FieldError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "warren.yaml", field.File)
	assert.Equal(t, 5, field.Line)
	assert.Equal(t, "queues.email.concurrency", field.Field)
	assert.EqualError(t, err, "warren.yaml:5: queues.email.concurrency: 0 is not within 1..10000")
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "a", "[", "- \n-", "a: b: c", "&a [*a]", "? {a: b} : c", "%YAML 1.1\n---\n", "\xff\xfe", "{{}: []}", "<<: {a: 1}",
		"broker: {urls: [amqp://u:p@h/v], tls: {ca: a}, prefix: ${P:-x}}",
		"queues: {q: {routes: ['a.#'], handlers: {'#': {exec: [a]}}, retry: {jitter: 0}, prefetch: auto}}",
		"queues: {q: {retry: {backoff: linear, factor: 2}, rate_limit: {per_second: 0.5, burst: 2}}}",
		"schedules: {s: {cron: '0 9 * * *', tz: Asia/Tokyo, key: k, payload: {a: [1, 2.5, ~, x, 2026-01-01]}}}",
		"schedules: {s: {cron: '@daily', key: k, payload: &p {a: *p}}}",
		"metrics: {listen: ':9464'}\nshutdown: {grace: 1d}\n---\n",
		"queues: {q: {handlers: {a: {http: {url: 'http://h/${P}', headers: {A: b}}}}, timeout: ${N:-1m}, concurrency: ${N}}}",
		"schedules: {s: {every: 5m, key: k, payload: {at: '{{ .ScheduledFor.Format \"2006\" }}', id: '{{ .ID }}'}, catch_up: {policy: all, max: 3}}}",
		"history: {level: all, retention: 7d, max_size: 1GiB}\nguard: {fields: [a, b]}\nencryption: {keyset: k.json}",
		"queues:\n  q: {rouets: []}\n  r: {concurrency: 0, timeout: -1s}\nschedules:\n  s: {cron: '* *', key: '..', tz: Nowhere/At}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("warren.yaml", data, env(map[string]string{"P": "acme"}))
		if err != nil {
			require.ErrorIs(t, err, ErrInvalid)
			require.Nil(t, c)
			requirePlaces(t, err, data)
			return
		}
		require.NoError(t, c.Spec().Validate())
		for _, q := range c.Queues {
			require.NoError(t, q.Retry.Validate())
		}
		for _, e := range c.Schedules {
			require.NoError(t, e.Validate())
		}
	})
}

// requirePlaces checks that each problem names the file, and a line that it has.
func requirePlaces(t *testing.T, err error, data []byte) {
	problems := []error{err}
	if joined, many := err.(interface{ Unwrap() []error }); many {
		problems = joined.Unwrap()
	}
	for _, problem := range problems {
		var field *FieldError
		require.ErrorAs(t, problem, &field)
		require.Equal(t, "warren.yaml", field.File)
		require.True(t, 0 <= field.Line && field.Line <= 2+strings.Count(string(data), "\n")+strings.Count(string(data), "\r"), "line %d", field.Line)
	}
}

// Without history there is no stream.
func TestHistoryOff(t *testing.T) {
	c := mustParse(t, "history: {level: off}")
	assert.Equal(t, history.Off, c.History.Level)
	assert.Empty(t, c.Spec().Streams)
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "3B": 3, "5 KB": 5000, "1KiB": 1024, "2MiB": 2 << 20, "4GB": 4e9, "1TiB": 1 << 40} {
		n, err := ParseSize(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, n, text)
	}
	for _, text := range []string{"", "KB", "-1", "1.5GB", "1kb", "1 PB", "1234567890123456", "999999999TiB"} {
		_, err := ParseSize(text)
		assert.Error(t, err, text)
	}
}
