package main

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/control"
	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/streams"
)

// looked is when the facts of these tests were asked for.
var looked = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

// parsed is a configuration.
func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("warren.yaml", []byte(text), environment{}.lookup)
	require.NoError(t, err)
	return cfg
}

const fiveQueues = `
broker: {management: 'http://127.0.0.1:15672'}
queues: {email: {routes: ['email.#']}, import: {}, report: {type: classic}, later: {}, idle: {}}
schedules: {tick: {every: 1s, key: email.tick}, late: {cron: '@daily', key: email.daily}}`

// troubled are facts in which each condition holds somewhere.
func troubled(t *testing.T, cfg *config.Config) *facts {
	t.Helper()
	f := &facts{at: looked, control: new(control.State), window: newWindow(cfg), since: looked.Add(-alerts.Window)}
	f.depths = map[string]broker.Depth{
		"email": {Ready: 1204, Consumers: 2}, "email.dead": {Ready: 12}, "import": {Ready: 3}, "import.dead": {},
		"report": {Ready: 7, Consumers: 1}, "idle": {}, "warren.unrouted": {Ready: 2},
	}
	f.stats = map[string]broker.QueueStats{
		"email":  {Type: "quorum", Unacked: 20, PublishRate: 52.25, AckRate: 31.04},
		"import": {Type: "classic"}, "warren.unrouted": {Type: "quorum"},
	}
	f.control.Apply(control.Record{Kind: control.Pause, Queue: "idle", By: "alice", At: looked.Add(-time.Hour), Offset: 1})
	var events []history.Event
	ended := func(kind history.Kind, queue string, ago, wait, took time.Duration) {
		waited, ran := history.Millis(wait.Milliseconds()), history.Millis(took.Milliseconds())
		events = append(events, history.Event{At: looked.Add(-ago), Event: kind, Queue: queue, Wait: &waited, Duration: &ran})
	}
	for i := range 60 {
		ended(history.Succeeded, "email", time.Duration(i)*5*time.Second, 1500*time.Millisecond, 340*time.Millisecond)
	}
	for range 5 {
		ended(history.Retried, "email", 20*time.Second, 0, 20*time.Second)
	}
	ended(history.Dead, "email", time.Second, 0, 0)
	ended(history.Succeeded, "report", time.Minute, 2*time.Hour+90*time.Second, 3*time.Minute)
	f.window.Take(recorded(t, events...), looked)
	f.led(lease.Status{Known: true, Term: 3, Holder: "vm:7:ab01", Renewed: looked.Add(-time.Minute)}, nil, looked)
	return f
}

func recorded(t *testing.T, events ...history.Event) (r streams.Record) {
	t.Helper()
	for i := range events {
		line, err := events[i].MarshalJSON()
		require.NoError(t, err)
		r.Body = append(append(r.Body, line...), '\n')
	}
	return r
}

// said is a command line tool whose results and notes are kept.
func said() (c *cli, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &cli{stdout: &output{Writer: stdout}, stderr: stderr, getenv: environment{}.lookup, now: func() time.Time { return looked }}, stdout, stderr
}

const (
	troubledTable = `QUEUE            TYPE     READY  RUNNING  CONSUMERS  DEAD  IN/S  DONE/S  FAIL %   WAIT    RUN  PAUSED
email            quorum   !1204       20          2   !12  52.2    31.0    !9.0  1.36s  1.82s
import           classic      3        0         !0     0   0.0     0.0       -      -      -
report           classic      7        -          1     -     -     0.0     0.0  !2h2m   3m0s
later            -            -        -         !-     -     -     0.0       -      -      -
idle             -            0        -          0     -     -     0.0       -      -      -  by alice since 2026-11-22T05:00:00Z
warren.unrouted  quorum      !2        0          0     -   0.0     0.0       -      -      -
`
	troubledFindings = `critical: no scheduler leads: 2 entries of the schedule do not fire
  start a scheduler; warren schedule ls tells who led last
critical: import: no worker consumes the queue
  start a worker for it: worker --queue import
critical: later: the queue does not exist: no worker has begun to consume it
  start a worker for it: worker --queue later
warning: email: 1204 tasks wait for a worker (limit 1000)
  start more workers, or raise queues.email.concurrency, where the machines are not busy
warning: email: 9 % of 66 attempts failed in the last 5m (limit 5 %)
  warren history --since 5m --queue email --event retried --event dead
warning: email: 12 dead letters
  warren dead groups email
warning: report: tasks waited 2h1m30s on average in the last 5m (limit 5m)
  start more workers, or raise queues.report.concurrency, where the machines are not busy
warning: 2 tasks are parked: no queue wanted their keys
  warren dead groups --unrouted
`
)

func TestPrintOverview(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, fiveQueues)
	f := troubled(t, cfg)
	o := f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{})
	c, stdout, stderr := said()
	require.NoError(t, c.printOverview(o, f, false))
	assert.Equal(t, troubledTable+"\n"+troubledFindings, stdout.String())
	assert.Equal(t, "warren: queues without a number do not exist yet: a worker or a scheduler that starts declares them\n", stderr.String())

	c, stdout, stderr = said()
	require.ErrorIs(t, c.printCheck(o, f, &queuesFlags{}), errFinding)
	assert.Equal(t, troubledFindings, stdout.String())
	assert.Empty(t, stderr.String())
}

// again is what holds of a second look, of which the workers and schedulers are back.
func TestCheckTwice(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, fiveQueues)
	names := routing.Names{Prefix: "warren"}
	f := troubled(t, cfg)
	before := f.overview(cfg, names, alerting{except: []alerts.Condition{alerts.Dead, alerts.Wait}})
	assert.True(t, before.critical())
	f.leader.Renewed = looked
	f.depths["later"] = broker.Depth{Consumers: 1}
	f.depths["report"] = broker.Depth{} // has gone since
	o := f.overview(cfg, names, alerting{})
	o.again(before)
	var told []string
	for i := range o.report.Findings {
		told = append(told, string(o.report.Findings[i].Condition)+" "+o.report.Findings[i].Queue)
	}
	assert.Equal(t, []string{"no-consumer import", "backlog email", "failure-rate email", "dead email", "wait report", "parked "}, told)
	assert.Equal(t, []alerts.Condition{alerts.Wait}, o.queues[2].Alerts)
	assert.Equal(t, []alerts.Condition{alerts.NoConsumer}, o.queues[1].Alerts)
	assert.NotContains(t, before.queues[0].Alerts, alerts.Dead)
}

// Whether somebody leads is judged when that was read, however long the other answers took; and who has renewed
// the lease between two looks leads, though its clock is behind.
func TestWhoLeads(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, fiveQueues)
	leads := func(f *facts) bool {
		o := f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{})
		told := slices.ContainsFunc(o.report.Findings, func(f alerts.Finding) bool { return f.Condition == alerts.NoLeader })
		assert.Equal(t, told, !o.leader.Leads)
		return o.leader.Leads
	}
	f := troubled(t, cfg)
	f.leader = lease.Status{}
	status := lease.Status{Known: true, Term: 3, Holder: "vm:7:ab01", Renewed: looked}
	f.led(status, nil, looked.Add(time.Second))
	f.at = looked.Add(6 * time.Second)
	assert.True(t, leads(f), "the history took long")

	f.led(status, nil, looked.Add(time.Minute))
	assert.False(t, leads(f), "it was not renewed")
	status.Renewed = looked.Add(time.Second)
	f.led(status, nil, looked.Add(time.Minute))
	assert.True(t, leads(f), "it was, by a clock that is behind")
	status.Renewed, status.Resigned = looked.Add(2*time.Second), true
	f.led(status, nil, looked.Add(time.Minute))
	assert.False(t, leads(f))
}

// What nobody knows is told as such, and a failure with --strict alone.
func TestCheckOfLittle(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, "queues: {email: {routes: ['email.#']}}\nschedules: {tick: {every: 1s, key: email.tick}}\n")
	f := &facts{
		at: looked, control: new(control.State), windowErr: errHistoryOff, leaderErr: broker.ErrRefused,
		depths: map[string]broker.Depth{"email": {Consumers: 1}, "email.dead": {}, "warren.unrouted": {}},
	}
	o := f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{})
	c, stdout, stderr := said()
	require.NoError(t, c.printCheck(o, f, &queuesFlags{}))
	assert.Empty(t, stdout.String())
	assert.Equal(t, "warren: not checked: failure-rate, wait: history.level is off\nwarren: not checked: no-leader: refused for good\n", stderr.String())
	require.ErrorIs(t, c.printCheck(o, f, &queuesFlags{strict: true}), errFinding)

	o = f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{except: []alerts.Condition{alerts.FailureRate, alerts.Wait, alerts.NoLeader}})
	c, _, stderr = said()
	require.NoError(t, c.printCheck(o, f, &queuesFlags{strict: true}))
	assert.Empty(t, stderr.String(), "what is passed over needs no numbers")

	f.windowErr, f.statsErr, f.controlErr = errors.ErrUnsupported, broker.ErrNoManagement, errors.ErrUnsupported
	c, stdout, stderr = said()
	require.NoError(t, c.printOverview(o, f, true))
	assert.JSONEq(t, `{"queue":"email","ready":0,"running":null,"consumers":1,"dead":0,"publish_rate":null,"done_rate":null,
		"failure_rate":null,"ended":null,"wait_ms":null,"run_ms":null,"window_s":null,"paused":false,"alerts":[]}`, firstLine(stdout))
	assert.Equal(t, `warren: what is running, and the rates, are not known: management API not available
warren: which queues are paused is not known for certain: unsupported operation
warren: what failed, and how long tasks waited and ran, is not known: unsupported operation
warren: which scheduler leads is not known: refused for good
`, stderr.String())
}

func firstLine(b *bytes.Buffer) string {
	line, _ := b.ReadString('\n')
	return line
}

// Without the management API, what is done a second is what history told of the last half minute.
func TestOverviewOfAShorterWindow(t *testing.T) {
	t.Parallel()
	cfg := parsed(t, "queues: {email: {routes: ['email.#']}}")
	f := &facts{at: looked, control: new(control.State), window: newWindow(cfg), since: looked.Add(-45 * time.Second)}
	var events []history.Event
	for i := range 45 {
		events = append(events, history.Event{At: looked.Add(-time.Duration(i) * time.Second), Event: history.Succeeded, Queue: "email"})
	}
	events = append(events, history.Event{At: looked, Event: history.Gap, Count: 7})
	f.window.Take(recorded(t, events...), looked)
	o := f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{})
	assert.InDelta(t, 1.0, *o.queues[0].DoneRate, 0.001)
	assert.InDelta(t, 45.0, *o.queues[0].WindowS, 0.001)
	c, _, stderr := said()
	require.NoError(t, c.printOverview(o, f, false))
	assert.Contains(t, stderr.String(), "warren: FAIL %, WAIT and RUN are those of the last 45s: more history comes than is read at once\n"+
		"warren: the history of the last minutes lacks 7 events\n")

	f.since = looked.Add(-30 * time.Second)
	assert.Nil(t, f.overview(cfg, routing.Names{Prefix: "warren"}, alerting{}).queues[0].DoneRate, "half a minute is not there")
}

func TestTableColours(t *testing.T) {
	t.Parallel()
	tab := table{columns: []column{{title: "QUEUE"}, {title: "READY", right: true}, {title: "PAUSED"}}, colour: true}
	tab.style(1, red)
	tab.add("帳票", "!7", "")
	tab.style(2, yellow)
	tab.add("a", "7", "by\x1b[31m me")
	var out bytes.Buffer
	require.NoError(t, tab.write(&out, 0))
	assert.Equal(t, "QUEUE  READY  PAUSED\n帳票      "+red+"!7"+plain+"\na          7  "+yellow+"by [31m me"+plain+"\n", out.String())
}
