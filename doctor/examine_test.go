package doctor

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

func TestHealthy(t *testing.T) {
	for _, version := range []routing.Version{old, middle, {Major: 4, Minor: 0}, newest} {
		for _, finding := range Examine(healthy(t, version)) {
			assert.Equal(t, "version", finding.Check, "%v", finding)
			assert.Equal(t, Info, finding.Severity)
		}
	}
	assert.Empty(t, Examine(healthy(t, newest)))
}

// examineCase breaks one thing, of which one finding is made and nothing else.
type examineCase struct {
	version  routing.Version // newest where it is zero
	change   func(t *testing.T, f *Facts)
	check    string
	severity Severity
	subject  string
	says     string
	remedy   string
}

func (test examineCase) run(t *testing.T) {
	if test.version == (routing.Version{}) {
		test.version = newest
	}
	f := healthy(t, test.version)
	f.Topology.Value.Degraded = nil
	test.change(t, f)
	found := Examine(f)
	require.Len(t, found, 1, "%+v", found)
	assert.Equal(t, test.check, found[0].Check)
	assert.Equal(t, test.severity, found[0].Severity)
	assert.Contains(t, found[0].Subject, test.subject)
	assert.Contains(t, found[0].Message, test.says)
	assert.Contains(t, found[0].Remedy, test.remedy)
	assert.Equal(t, test.remedy == "", found[0].Remedy == "")
	assert.NotContains(t, found[0].Subject+found[0].Message+found[0].Remedy, "sesame")
}

// What can be wrong with the broker itself, and with who may do what on it.
func TestExamineBroker(t *testing.T) {
	errAway := errors.New("connection refused")
	for name, test := range map[string]examineCase{
		"broker away": {
			change: func(_ *testing.T, f *Facts) { f.Nodes[0].Err = errAway },
			check:  "connection", severity: Error, subject: "amqp://127.0.0.1:5672/prod", says: "connection refused", remedy: "broker.urls",
		},
		"one node away": {
			change: func(_ *testing.T, f *Facts) {
				f.Nodes = append(f.Nodes, broker.NodeAnswer{URL: "amqp://b:5672/prod", Err: errAway})
			},
			check: "connection", severity: Warning, subject: "amqp://b:5672/prod", says: "connection refused", remedy: "start the node",
		},
		"refused": {
			change: func(_ *testing.T, f *Facts) { f.Nodes[0].Err = broker.ErrRefused },
			check:  "connection", severity: Error, subject: "amqp://127", says: "refused", remedy: "rabbitmqctl authenticate_user 'alice' PASSWORD && rabbitmqctl list_permissions -p 'prod'",
		},
		"no TLS": {
			change: func(_ *testing.T, f *Facts) { f.URLs = []string{"amqp://u:sesame@mq.example/prod"} },
			check:  "transport", severity: Warning, subject: "warren.yaml:7: broker.urls", says: "mq.example is another machine", remedy: "amqps://",
		},
		"guest": {
			change: func(_ *testing.T, f *Facts) { f.URLs = []string{"amqps://guest:sesame@mq.example/prod"} },
			check:  "transport", severity: Warning, subject: "broker.urls", says: "the user guest", remedy: "rabbitmqctl delete_user guest",
		},
		"management without TLS": {
			change: func(_ *testing.T, f *Facts) { f.Management = "http://u:sesame@mq.example:15672" },
			check:  "transport", severity: Warning, subject: "broker.management", says: "http:// is not encrypted", remedy: "https://",
		},
		"too old": {
			change: func(_ *testing.T, f *Facts) {
				f.Version = routing.Version{Major: 3, Minor: 9}
				f.Topology.Value.Degraded = nil
			},
			check: "version", severity: Error, subject: "RabbitMQ 3.9.0", says: "3.10 and later", remedy: "upgrade",
		},
		"streams off": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Flags.Value[0].State = "disabled" },
			check:  "features", severity: Error, subject: "stream_queue", says: "is off", remedy: "rabbitmqctl enable_feature_flag stream_queue",
		},
		"a flag off": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Flags.Value = append(f.Survey.Flags.Value, broker.FeatureFlag{Name: "khepri_db", State: "disabled", Stability: "stable"})
			},
			check: "features", severity: Info, subject: "khepri_db", says: "next upgrade", remedy: "rabbitmqctl enable_feature_flag all",
		},
		"flags not told": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Flags.Err = broker.ErrNoManagement },
			check:  "features", severity: NotMade, subject: "feature flags", says: "administrator",
		},
		"memory alarm": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Alarms.Value = []broker.Alarm{{Node: "rabbit@one", Resource: "memory"}}
			},
			check: "alarms", severity: Error, subject: "rabbit@one", says: "the alarm for memory is on", remedy: "set_vm_memory_high_watermark",
		},
		"disk alarm": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Alarms.Value = []broker.Alarm{{Node: "rabbit@one", Resource: "disk space"}}
			},
			check: "alarms", severity: Error, subject: "rabbit@one", says: "the alarm for disk is on", remedy: "set_disk_free_limit",
		},
		"blocked": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Alarms.Err = errAway; f.Blocked.Value = true },
			check:  "alarms", severity: Error, subject: "alarms", says: "blocks everybody", remedy: "rabbitmqctl eval",
		},
		"clock behind": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Clock.Value = broker.Skew{Least: 3 * time.Second, Most: 5 * time.Second}
			},
			check: "clock", severity: Warning, subject: "clock", says: "at least 3s behind", remedy: "timedatectl",
		},
		"clock ahead": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Clock.Value = broker.Skew{Least: -9 * time.Second, Most: -7 * time.Second}
			},
			check: "clock", severity: Warning, subject: "clock", says: "at least 7s ahead", remedy: "timedatectl",
		},
		"node down": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Nodes.Value[0].Running = false },
			check:  "cluster", severity: Warning, subject: "rabbit@one", says: "does not run", remedy: "forget_cluster_node rabbit@one",
		},
		"partition": {
			change: func(_ *testing.T, f *Facts) { f.Survey.Nodes.Value[0].Partitions = []string{"rabbit@two"} },
			check:  "cluster", severity: Error, subject: "rabbit@one", says: "parted from rabbit@two", remedy: "stop_app",
		},
		"minority": {
			change: func(t *testing.T, f *Facts) {
				q := f.edit(t, "email")
				q.Members = []string{"rabbit@one", "rabbit@two", "rabbit@three"}
			},
			check: "cluster", severity: Error, subject: "email", says: "most replicas are away", remedy: "start the nodes",
		},
		"permission": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Permissions.Value.Write = `^warren\.`
				f.refusedByPatterns()
			},
			check: "permissions", severity: Error, subject: "user alice", says: "no write permission on amq.default, email.dead, email, bulk.dead, bulk, which is needed by: worker, scheduler, operator",
			remedy: `rabbitmqctl set_permissions -p 'prod' 'alice' '.*' '(^warren\.)|^(warren\..*|email(\.dead)?|bulk(\.dead)?|amq\.default)$' '.*'`,
		},
		"permission, patterns unknown": {
			change: func(_ *testing.T, f *Facts) {
				f.Survey.Permissions.Err = errAway
				f.Refused.Value = []broker.Right{{Permission: broker.Read, Name: "email"}}
			},
			check: "permissions", severity: Error, subject: "user alice", says: "no read permission on email, which is needed by: worker",
			remedy: `in place of all that it has`,
		},
	} {
		t.Run(name, test.run)
	}
}

// Without the management API what AMQP tells is told, and of the rest that it is not known.
func TestByAMQP(t *testing.T) {
	f := healthy(t, newest)
	f.Management, f.ManagementURL, f.Survey = "", "", broker.Survey{}
	for _, err := range []*error{
		&f.Survey.Version.Err, &f.Survey.Alarms.Err, &f.Survey.Flags.Err, &f.Survey.Clock.Err, &f.Survey.Nodes.Err, &f.Survey.Exchanges.Err,
		&f.Survey.Queues.Err, &f.Survey.Bindings.Err, &f.Survey.Consumers.Err, &f.Survey.Permissions.Err,
	} {
		*err = broker.ErrNoManagement
	}
	f.Presence.Value = broker.Presence{
		MissingExchanges: []string{"warren.dead"}, MissingQueues: []string{"bulk", "warren.history"},
		Depths:       map[string]broker.Depth{"email": {Ready: 3}, "email.dead": {Ready: 1}},
		Undeclarable: []string{"bulk.dead"},
		Drift: []*broker.DriftError{
			{Kind: "exchange", Name: "warren.tasks", Argument: "type", Want: "topic", Have: "direct"},
			{Kind: "queue", Name: "email", Argument: "x-delivery-limit", Want: "20", Have: "none"},
			{Kind: "queue", Name: "bulk.dead", Argument: "x-queue-type", Want: "quorum", Have: "classic"},
			{Kind: "queue", Name: "warren.control", Argument: "x-max-length-bytes", Want: "1", Have: "2"},
		},
	}
	var lines []string
	for _, finding := range Examine(f) {
		lines = append(lines, string(finding.Severity)+" "+finding.Check+" "+finding.Subject)
	}
	assert.Equal(t, []string{
		"error exchanges warren.dead",
		"error exchanges warren.tasks",
		"error queues bulk",
		"error queues bulk.dead",
		"error streams warren.history",
		"warning streams warren.control",
		"warning consumers warren.yaml:7: queues.email",
		"not-made management warren.yaml:7: broker.management",
		"not-made features feature flags",
		"not-made clock clock",
		"not-made cluster cluster",
		"not-made queues bulk.dead",
		"not-made bindings bindings",
		"not-made stale-bindings stale bindings",
		"not-made policies policies",
		"not-made ladder ladder",
		"info queues email",
		"info letters email.dead",
	}, lines)
}

// Of a broker that nobody reaches it is told that, and no more than that nothing else is known.
func TestAway(t *testing.T) {
	f := healthy(t, newest)
	away := errors.New("away")
	f.Nodes[0].Err, f.Survey.Version.Err, f.Survey.Alarms.Err, f.Survey.Flags.Err = away, away, away, away
	f.Survey.Clock.Err, f.Survey.Nodes.Err, f.Survey.Queues.Err, f.Survey.Exchanges.Err = away, away, away, away
	f.Survey.Bindings.Err, f.Survey.Permissions.Err, f.Presence.Err, f.Blocked.Err, f.Refused.Err = away, away, away, away, away
	f.build()
	require.ErrorIs(t, f.Topology.Err, errUnknownVersion)
	for i, finding := range Examine(f) {
		if i == 0 {
			assert.Equal(t, Error, finding.Severity)
			assert.Equal(t, "connection", finding.Check)
			continue
		}
		assert.Equal(t, NotMade, finding.Severity, "%+v", finding)
	}
}

// As long as it is not known what is wanted, no queue is told to be left behind: its remedy deletes it.
func TestNothingIsLeftBehindByAnUnknownVersion(t *testing.T) {
	f := healthy(t, newest)
	f.Topology = broker.Answer[routing.Topology]{Err: errUnknownVersion}
	assert.Empty(t, checkLeftBehind(f))
}
