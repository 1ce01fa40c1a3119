package handlers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// told returns the environment of a task that can be told.
func told(t *testing.T, inherited []string, task *tasks.Task) []string {
	t.Helper()
	env, err := environment(inherited, task)
	require.NoError(t, err)
	return env
}

func TestEnvironmentOfATaskThatCarriesEverything(t *testing.T) {
	assert.Equal(t, []string{
		"PATH=/bin",
		"WARREN_TASK_ID=id-1",
		"WARREN_ROUTING_KEY=email.welcome",
		"WARREN_QUEUE=email",
		"WARREN_ATTEMPT=2",
		"WARREN_MAX_ATTEMPTS=9",
		"WARREN_TIMEOUT_MS=90000",
		"WARREN_ENQUEUED_AT=1795327200005",
		"WARREN_NOT_BEFORE=1795327201005",
		"WARREN_EXPIRES_AT=1795330800005",
		"WARREN_SCHEDULE=daily",
		"WARREN_SCHEDULED_FOR=2026-11-22T06:00:00Z",
		"WARREN_SETTLEMENT=3",
		"WARREN_REDELIVERIES=4",
		"WARREN_ENQUEUED_BY=alice",
		"WARREN_BATCH_ID=import",
		"WARREN_BATCH_INDEX=3",
		"WARREN_BATCH_TOTAL=7",
		"WARREN_CONTENT_TYPE=application/json",
		"WARREN_CONTENT_ENCODING=identity",
		`WARREN_ERRORS=["#1 2026-11-22T06:00:00Z w: \"no\"\nluck"]`,
		"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"TRACESTATE=a=100%",
	}, told(t, []string{"PATH=/bin"}, fullTask()))
}

func TestEnvironmentDoesNotInheritWhatIsOurs(t *testing.T) {
	inherited := []string{
		"WARREN_TASK_ID=outer", "WARREN_SCHEDULE=outer", "TRACEPARENT=outer", "TRACESTATE=outer",
		"NOTIFY_SOCKET=s3cret", "WATCHDOG_USEC=s3cret", "WATCHDOG_PID=s3cret", "WARREN_URL=amqp://u:s3cret@h", "AMQP_URL=amqp://u:s3cret@h", "warren_config=s3cret", "WARREN_MANAGEMENT=s3cret",
		"A=b=c", "WARRENTY=two years", "=C:=an oddity of Windows",
	}
	assert.Equal(t, []string{
		"A=b=c", "WARRENTY=two years", "=C:=an oddity of Windows",
		"WARREN_TASK_ID=inner", "WARREN_ROUTING_KEY=k", "WARREN_ATTEMPT=1",
	}, told(t, inherited, &tasks.Task{ID: "inner", Key: "k", Attempt: 1}))
}

func TestEnvironmentHoldsNoNUL(t *testing.T) {
	assert.Equal(t, []string{"WARREN_TASK_ID=a\uFFFDb"}, told(t, nil, &tasks.Task{ID: "a\x00b"}))
}

func TestEnvironmentIsBounded(t *testing.T) {
	const name = "WARREN_SCHEDULE="
	told(t, nil, &tasks.Task{Schedule: strings.Repeat("a", environmentBytes-len(name))})
	_, err := environment(nil, &tasks.Task{Schedule: strings.Repeat("a", environmentBytes-len(name)+1)})
	assert.EqualError(t, err, "the task carries 65537 bytes beside its payload, and a program's environment takes 65536 of them")
}

// A producer's headers become the values of variables that have their names from Warren, and
// nothing else: neither other variables nor more than one.
func TestEnvironmentOfAHostileTask(t *testing.T) {
	headers := map[string]any{
		"LD_PRELOAD": "/tmp/evil.so", "PATH": "/tmp", "warren-path": "/tmp", "warren-url": "amqp://evil", "warren-config": "/tmp/evil",
		"warren-x=y\nLD_PRELOAD": "/tmp/evil.so", "warren-ld-preload": "/tmp/evil.so", "traceparent\x00PATH": "/tmp",
		tasks.HeaderSchedule: "s\nLD_PRELOAD=/tmp/evil.so\x00PATH=/tmp", tasks.HeaderTraceState: "() { :; }; echo evil",
	}
	task, err := tasks.Decode(tasks.Message{MessageID: "=\nA=b", RoutingKey: "k", Headers: headers, ContentType: "$(reboot)"}, "q", now)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"PATH=/bin",
		"WARREN_TASK_ID==\nA=b",
		"WARREN_ROUTING_KEY=k",
		"WARREN_QUEUE=q",
		"WARREN_ATTEMPT=1",
		"WARREN_SCHEDULE=s\nLD_PRELOAD=/tmp/evil.so\uFFFDPATH=/tmp",
		"WARREN_CONTENT_TYPE=$(reboot)",
		"TRACESTATE=() { :; }; echo evil",
	}, told(t, []string{"PATH=/bin"}, &task))
}
