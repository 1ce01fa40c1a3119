//go:build integration

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/doctor"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// ward is a virtual host that is broken and mended.
type ward struct {
	*site
	names routing.Names
	spec  routing.Spec
	// got takes the tasks of all queues.
	got chan tasks.Message
	// extra flags of warren doctor.
	flags []string
}

const wardFile = `
broker: {management: '${MANAGEMENT}'}
queues:
  email: {routes: ['email.#']}
  bulk: {routes: ['bulk.#'], type: classic}
  report: {routes: ['report.#']}
  audit: {routes: ['audit.#']}
  idle: {routes: ['idle.#']}
  slow:
    timeout: 2h
schedules:
  daily: {cron: "0 9 * * *", key: report.daily}
`

func newWard(t *testing.T) *ward {
	w := &ward{site: newSite(t), got: make(chan tasks.Message, 10)}
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience) // rabbitmqctl takes its time
	t.Cleanup(cancel)
	w.ctx = ctx
	w.path = file(t, wardFile)
	cfg, err := config.LoadEnv(w.path, w.lookup)
	require.NoError(t, err)
	w.spec = cfg.Spec()
	require.NoError(t, w.client.Declare(w.ctx, w.spec))
	if !w.client.Version().AtLeast(4, 3) {
		w.flags = []string{"--ack-timeout", "3h"}
	}
	return w
}

// work consumes queues as a worker does.
func (w *ward) work(queues ...string) {
	for _, queue := range queues {
		consumer, err := w.client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: 1, Deliver: func(d *broker.Delivery) {
			assert.NoError(w.t, d.Ack())
			w.got <- d.Message
		}})
		require.NoError(w.t, err)
		w.t.Cleanup(consumer.Close)
	}
}

// object is a JSON object.
type object = map[string]any

// examine returns what doctor finds, and its exit code.
func (w *ward) examine() ([]doctor.Finding, int) {
	w.t.Helper()
	o := w.run(append([]string{"-c", w.path, "doctor", "--json"}, w.flags...)...)
	require.NotEqual(w.t, exitUsage, o.code, o.stderr)
	require.Empty(w.t, o.stderr)
	var found []doctor.Finding
	for line := range strings.Lines(o.stdout) {
		var finding doctor.Finding
		require.NoError(w.t, json.Unmarshal([]byte(line), &finding))
		found = append(found, finding)
	}
	return found, o.code
}

// until examines until what is found is as it should be: the management API's numbers are some seconds
// old.
func (w *ward) until(as func([]doctor.Finding) bool) (found []doctor.Finding, code int) {
	w.t.Helper()
	if !assert.Eventually(w.t, func() bool {
		found, code = w.examine()
		return as(found)
	}, patience, 10*pollEvery) {
		require.FailNow(w.t, "found", "%+v", found)
	}
	return found, code
}

// harm breaks the virtual host in as many ways as the result tells, and takes some rights from the user.
func (w *ward) harm() (ways map[string]string) {
	w.api(http.MethodDelete, "queues", "report", nil)
	w.api(http.MethodPut, "queues", "report", object{"durable": true, "arguments": object{"x-queue-type": "quorum", "x-max-length": 10}})
	w.api(http.MethodPost, "bindings", "e/warren.tasks/q/email", object{"routing_key": "mail.#"})
	policy := object{"max-length": 100, "message-ttl": 60000}
	unbind := []routing.Binding{{Source: "warren.delayed", Destination: "audit", Key: strings.Repeat("*.", routing.LadderDigits) + "q.audit"}}
	for _, exchange := range []string{"warren.tasks", "warren.strict"} {
		unbind = append(unbind, routing.Binding{Source: exchange, Destination: "audit", Key: "audit.#"})
	}
	unbind = append(unbind, routing.Binding{Source: "warren.delayed", Destination: "audit", Key: strings.Repeat("*.", routing.LadderDigits) + "r.audit.#"})
	require.NoError(w.t, w.client.Unbind(w.ctx, unbind...))
	w.api(http.MethodDelete, "queues", "slow.dead", nil)
	w.api(http.MethodDelete, "exchanges", "warren.strict", nil)
	w.api(http.MethodPut, "exchanges", "warren.strict", object{"type": "fanout", "durable": true})
	w.api(http.MethodDelete, "queues", "warren.history", nil)
	w.api(http.MethodPut, "queues", "warren.history", object{"durable": true, "arguments": object{"x-queue-type": "stream", "x-max-age": "1h"}})

	level := w.names.LadderQueue(5, 2) // holds for 204.8 s
	w.api(http.MethodDelete, "queues", level, nil)
	w.api(http.MethodPut, "queues", level, object{"durable": true, "arguments": object{
		"x-queue-type": "quorum", "x-dead-letter-exchange": w.names.LadderExchange(4),
	}})
	w.api(http.MethodPost, "bindings", "e/"+w.names.LadderExchange(5)+"/q/"+level, object{"routing_key": "*.*.*.*.*.2.#"})
	hop, delayed, err := w.names.Delay(2*1024*routing.LadderTick+routing.LadderLead, routing.ToRoute("email.late"))
	require.NoError(w.t, err)
	require.True(w.t, delayed)
	require.NoError(w.t, w.client.Publish(w.ctx, tasks.Message{Exchange: hop.Exchange, RoutingKey: hop.Key, MessageID: "late"}))

	ways = map[string]string{
		"queues/report": "drift of a queue", "stale-bindings/email": "stale binding", "policies/bulk": "max-length and message TTL",
		"policies/email": "the same", "policies/slow": "the same; from 4.3 the acknowledgement timeout too", "bindings/audit": "unbound queue", "queues/slow.dead": "queue deleted",
		"exchanges/warren.strict": "exchange of another type", "streams/history": "another retention",
		"queues/" + level: "drift of the level", "ladder/" + level: "stuck level", "consumers/idle": "no consumer", "permissions/user": "permission",
	}
	if w.client.Version().AtLeast(4, 3) {
		policy["consumer-timeout"] = 60000
	} else {
		w.flags = nil
		ways["ack-timeouts/slow"] = "acknowledgement timeout"
	}
	w.api(http.MethodPut, "policies", "cap", object{"pattern": "^(bulk|email|slow)$", "apply-to": "queues", "definition": policy})
	w.variables["WARREN_URL"] = brokertest.NewUser(w.t, w.vhost, brokertest.Permissions{Configure: ".*", Write: `^(warren\..*|report.*)$`, Read: ".*"})
	return ways
}

// cure does what the remedies say.
func (w *ward) cure(remedies []string) {
	path := brokertest.Rabbitmqctl(w.t, w.vhost.Broker) + string(os.PathListSeparator) + os.Getenv("PATH")
	restart := false
	for _, remedy := range remedies {
		if _, after, drained := strings.Cut(remedy, "then: "); drained {
			remedy = after
		}
		command, declare, _ := strings.Cut(remedy, "restart a worker or a scheduler")
		restart = restart || declare != ""
		command = strings.TrimSuffix(command, " && ")
		switch {
		case command == "":
		case strings.HasPrefix(command, "warren "):
			o := w.run(append(append([]string{"-c", w.path}, strings.Fields(command)[1:]...), "--yes")...)
			assert.Equal(w.t, exitDone, o.code, o.stderr)
		case strings.HasPrefix(command, "worker "):
			w.work(command[strings.LastIndex(command, " ")+1:])
		case strings.HasPrefix(command, "consumer_timeout ="): // of a broker that others use too
			w.flags = []string{"--ack-timeout", command[strings.LastIndex(command, " ")+1:]}
		default:
			shell := exec.CommandContext(w.ctx, "sh", "-c", strings.ReplaceAll(command, "-u USER", "--fail -u guest:guest"))
			shell.Env = append(os.Environ(), "PATH="+path)
			output, err := shell.CombinedOutput()
			assert.NoError(w.t, err, "%s\n%s", command, output)
		}
	}
	if restart {
		require.NoError(w.t, w.client.Declare(w.ctx, w.spec))
	}
}

// Nothing is found in a healthy virtual host. Without the management API's permission that is said; a broker
// that is away is a finding.
func TestDoctorOnAHealthyBroker(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	w.work("email", "bulk", "report", "audit", "idle", "slow")
	_, code := w.until(func(found []doctor.Finding) bool { return len(found) == 0 })
	assert.Equal(t, exitDone, code)
	o := w.run(append([]string{"-c", w.path, "doctor", "--strict"}, w.flags...)...)
	assert.Equal(t, exitDone, o.code)
	assert.Equal(t, fmt.Sprintf("RabbitMQ %s, virtual host %s: nothing found in 20 checks\n", w.client.Version(), w.vhost.Name), o.stdout)

	untagged, err := url.Parse(brokertest.NewUser(t, w.vhost, brokertest.Everything))
	require.NoError(t, err)
	management, err := url.Parse(w.vhost.Management)
	require.NoError(t, err)
	management.User = untagged.User
	w.variables["WARREN_URL"], w.variables["MANAGEMENT"] = untagged.String(), management.String()
	found, code := w.examine()
	assert.Equal(t, exitDone, code, "what cannot be checked is no error")
	assert.NotEmpty(t, found)
	for _, f := range found {
		assert.Equal(t, doctor.NotMade, f.Severity, "%+v", f)
		assert.Contains(t, f.Message, "401")
	}
	o = w.run(append([]string{"-c", w.path, "doctor", "--strict"}, w.flags...)...)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stdout, "NOT CHECKED\n  management      http://")

	w.variables["WARREN_URL"], w.variables["MANAGEMENT"] = "amqp://u:sesame@127.0.0.1:1/", "http://u:sesame@127.0.0.1:1"
	found, code = w.examine()
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, doctor.Error, found[0].Severity)
	assert.Equal(t, "amqp://127.0.0.1:1/", found[0].Subject)
	assert.Contains(t, found[0].Message, "connection refused")
	assert.NotContains(t, fmt.Sprint(found), "sesame")
}

// Broken in thirteen ways at once, each is found and nothing else; and once the remedies have been carried
// out as they are told, nothing is left.
func TestDoctorFindsAndMends(t *testing.T) {
	t.Parallel()
	w := newWard(t)
	ways := w.harm()
	w.work("email", "bulk", "report", "audit", "slow")
	level := w.names.LadderQueue(5, 2)
	found, code := w.until(func(found []doctor.Finding) bool { // the level's message is seen, and the consumers are
		without := 0
		for _, f := range found {
			if f.Check == "consumers" {
				without++
			}
		}
		return without == 1 && slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Check == "ladder" && f.Subject == level })
	})
	assert.Equal(t, exitFailed, code)
	var remedies []string
	for _, f := range found {
		t.Logf("%s %s %s: %s\n\t%s", f.Severity, f.Check, f.Subject, f.Message, f.Remedy)
		known := f.Check == "bindings" // those of what was deleted and declared anew
		for way := range ways {
			check, subject, _ := strings.Cut(way, "/")
			known = known || f.Check == check && strings.Contains(f.Subject, subject)
		}
		assert.True(t, known, "%+v is found, and nobody has done it", f)
		assert.NotEmpty(t, f.Remedy)
		if !slices.Contains(remedies, f.Remedy) {
			remedies = append(remedies, f.Remedy)
		}
	}
	for way, what := range ways {
		check, subject, _ := strings.Cut(way, "/")
		assert.True(t, slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Check == check && strings.Contains(f.Subject, subject) }), "%s is not found", what)
	}

	w.cure(remedies)
	left, code := w.until(func(found []doctor.Finding) bool { return len(found) == 0 })
	assert.Empty(t, left)
	assert.Equal(t, exitDone, code)
	select {
	case m := <-w.got:
		assert.Equal(t, "late", m.MessageID, "what was stuck has gone on")
	case <-w.ctx.Done():
		assert.Fail(t, "what was stuck is lost")
	}
}
