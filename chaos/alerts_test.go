package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deploy"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/promtest"
)

func TestAlertsCommandLine(t *testing.T) {
	for name, one := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":         {[]string{"alerts", "-h"}, 0, "-pace"},
		"bad flag":     {[]string{"alerts", "-pase", "1"}, exitUsage, "-pase"},
		"bad pace":     {[]string{"alerts", "-pace", "31"}, exitUsage, "-pace: 31 is above 30"},
		"bad broker":   {[]string{"alerts", "-broker", "kafka"}, exitUsage, "none of node, container, each"},
		"one too many": {[]string{"alerts", "now"}, exitUsage, `"now" is one argument too many`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			assert.Equal(t, one.code, command(context.Background(), one.args, &out, &log))
			assert.Contains(t, log.String(), one.says)
		})
	}
	o, err := parseAlerts([]string{"-short", "-broker", "node"}, t.Output())
	require.NoError(t, err)
	assert.Equal(t, shortPace, o.pace)
	again, err := parseAlerts(append([]string{"-broker", "node"}, strings.Fields(o.command())[7:]...), t.Output())
	require.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")
}

func TestHasten(t *testing.T) {
	rules := "  - alert: A\n    expr: rate(x[5m]) > 300 and y[1h] # for: 2m\n    for: 2m\n    labels: {for: 1m}\n"
	faster, err := hasten(rules, 10)
	require.NoError(t, err)
	assert.Equal(t, "  - alert: A\n    expr: rate(x[30000ms]) > 300 and y[360000ms] # for: 2m\n    for: 12000ms\n    labels: {for: 1m}\n", faster)
	_, err = hasten("x[5 minutes]\n    for: soon\n", 10)
	require.ErrorContains(t, err, "soon")
}

// What Prometheus is run with is what is shipped, but for the pace and the targets.
func TestWritePrometheus(t *testing.T) {
	folder := t.TempDir()
	path, err := writePrometheus(folder, 15, map[string][]string{"warren-worker": {"127.0.0.1:1"}, "warren-scheduler": {"127.0.0.1:2"}})
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(text, &got))
	assert.Equal(t, map[string]any{
		"global":     map[string]any{"scrape_interval": "1000ms", "evaluation_interval": "1000ms", "scrape_timeout": "1000ms"},
		"rule_files": []any{"warren.rules.yml"},
		"scrape_configs": []any{
			map[string]any{"job_name": "warren-worker", "static_configs": []any{map[string]any{"targets": []any{"127.0.0.1:1"}}}},
			map[string]any{"job_name": "warren-scheduler", "static_configs": []any{map[string]any{"targets": []any{"127.0.0.1:2"}}}},
		},
	}, got)
	shipped, err := deploy.Files.ReadFile(deploy.RulesFile)
	require.NoError(t, err)
	faster, err := os.ReadFile(filepath.Join(folder, "warren.rules.yml"))
	require.NoError(t, err)
	before, after := strings.Split(string(shipped), "\n"), strings.Split(string(faster), "\n")
	require.Len(t, after, len(before))
	for i := range before {
		if before[i] != after[i] {
			assert.Regexp(t, `for: |\[\d+\w\]`, before[i])
		}
	}
}

// Each alert of the rules is brought about, or it is known why not.
func TestMishaps(t *testing.T) {
	s := &site{folder: t.TempDir(), broker: &brokertest.Broker{URL: "amqp://127.0.0.1"}, listens: map[string]string{}}
	brought := map[string]bool{}
	for _, m := range s.mishaps() {
		assert.NotEmpty(t, m.expects, m.name)
		for _, e := range m.expects {
			brought[e.alert] = true
		}
	}
	unbrought := map[string]string{
		"WarrenDepthUnknown":   "RabbitMQ tells everybody who is connected the depth of a queue",
		"WarrenHistoryDropped": "it takes 4 MiB of events that wait",
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert string }
		}
	}
	text, err := deploy.Files.ReadFile(deploy.RulesFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &rules))
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			assert.True(t, r.Alert == "" || brought[r.Alert] || unbrought[r.Alert] != "", r.Alert)
		}
	}
	for _, queues := range [][]string{allQueues, mainQueues} {
		require.NoError(t, s.writeConfig(queues))
		cfg, err := config.LoadEnv(s.config(), func(string) (string, bool) { return "", false })
		require.NoError(t, err)
		assert.Len(t, cfg.Queues, len(queues))
	}
}

func firingAlert(name, queue string) promtest.Alert {
	return promtest.Alert{Labels: map[string]string{"alertname": name, "queue": queue}, State: "firing"}
}

func TestLookout(t *testing.T) {
	var l lookout
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	a, b := firingAlert("A", "x"), firingAlert("A", "y")
	pending := firingAlert("B", "x")
	pending.State = "pending"
	l.note([]promtest.Alert{a, pending}, nil, at(1))
	l.note([]promtest.Alert{a, b}, nil, at(2))
	l.note([]promtest.Alert{b}, nil, at(3))
	l.note([]promtest.Alert{a, b}, nil, at(4))
	seen, err := l.told()
	require.NoError(t, err)
	want := []sighting{
		{name: "A", labels: a.Labels, fired: at(1), ended: at(3)},
		{name: "A", labels: b.Labels, fired: at(2)},
		{name: "A", labels: a.Labels, fired: at(4)},
	}
	assert.Equal(t, want, seen)
	assert.False(t, l.calmSince(at(4)))
	l.note([]promtest.Alert{pending}, nil, at(5))
	assert.False(t, l.calmSince(at(5)))
	l.note(nil, nil, at(6))
	l.note(nil, nil, at(7))
	assert.False(t, l.calmSince(at(5)))
	assert.True(t, l.calmSince(at(6)))
	l.note(nil, errors.New("away"), at(8))
	_, err = l.told()
	require.EqualError(t, err, "away")
}

func TestCheckAlerts(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	m := &mishap{name: "it rains", expects: []expectation{ofQueue("A", "x")}, besides: []expectation{{alert: "B"}}, wake: []expectation{{alert: "D"}}}
	one := episode{cause: m, began: at(10), ended: at(20), over: at(30)}
	fired := func(name, queue string, from, to int) sighting {
		s := sighting{name: name, labels: firingAlert(name, queue).Labels, fired: at(from)}
		if to > 0 {
			s.ended = at(to)
		}
		return s
	}
	for name, test := range map[string]struct {
		seen  []sighting
		finds string
	}{
		"as it should":     {[]sighting{fired("A", "x", 12, 25)}, ""},
		"with another":     {[]sighting{fired("A", "x", 12, 25), fired("B", "", 13, 40)}, ""},
		"in its wake":      {[]sighting{fired("A", "x", 12, 25), fired("D", "", 21, 40)}, ""},
		"before its wake":  {[]sighting{fired("A", "x", 12, 25), fired("D", "", 19, 40)}, "D fired"},
		"never":            {nil, "it rains: A x did NOT FIRE"},
		"of another queue": {[]sighting{fired("A", "x", 12, 25), fired("A", "y", 12, 25)}, "A fired at 00:00:12.000 WITHOUT a cause"},
		"too early":        {[]sighting{fired("A", "x", 9, 25), fired("A", "x", 11, 25)}, "A fired at 00:00:09.000 WITHOUT"},
		"another":          {[]sighting{fired("A", "x", 12, 25), fired("C", "x", 12, 25)}, "C fired"},
		"not over":         {[]sighting{fired("A", "x", 12, 0)}, "has NOT ENDED"},
		"twice":            {[]sighting{fired("A", "x", 12, 21), fired("A", "x", 23, 25)}, "A x fired 2 times"},
		"over too soon":    {[]sighting{fired("A", "x", 12, 15)}, "A x ended BEFORE its cause"},
	} {
		t.Run(name, func(t *testing.T) {
			v := checkAlerts([]episode{one}, test.seen)
			assert.Equal(t, test.finds == "", v.holds())
			if test.finds != "" {
				require.Len(t, v.findings, 1)
				assert.Contains(t, v.findings[0], test.finds)
			}
			require.Len(t, v.rows, 1)
		})
	}
}

func TestAlertsReport(t *testing.T) {
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	s := &site{broker: &brokertest.Broker{Source: "a broker"}, options: alertOptions{pace: 15}, took: time.Minute}
	v := &alertVerdict{rows: []alertRow{
		{"it rains", ofQueue("A", "x"), at(1), at(3), at(5), at(9)},
		{"it snows", expectation{alert: "B"}, at(11), time.Time{}, at(15), time.Time{}},
	}}
	v.find("B did NOT FIRE")
	beside := sighting{name: "C", labels: map[string]string{"alertname": "C", "instance": "i"}}
	v.besides = []sighting{beside, beside}
	var out bytes.Buffer
	require.NoError(t, s.write(&out, v))
	for _, want := range []string{
		"it rains  A x    00:00:01.000  2s", "00:00:05.000  4s", "NEVER", "and, as further consequences: C i\n", "DOES NOT HOLD: 1 findings", "  B did NOT FIRE\n",
		"the same again: cd chaos && go run . alerts -pace 15\n",
	} {
		assert.Contains(t, out.String(), want)
	}
}
