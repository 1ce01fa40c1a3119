package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkVersion tells what the broker's version cannot do for the configuration.
func checkVersion(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return notMade("version", f.Topology.Err)
	}
	if !f.Version.AtLeast(3, 10) {
		found = append(found, Finding{
			Severity: Error, Subject: "RabbitMQ " + f.Version.String(), Message: "Warren is made for RabbitMQ 3.10 and later",
			Remedy: "upgrade RabbitMQ",
		})
	}
	for _, text := range f.Topology.Value.Degraded {
		found = append(found, Finding{Severity: Info, Subject: "RabbitMQ " + f.Version.String(), Message: text})
	}
	return found
}

// neededFlags are the feature flags without which something of Warren does not work.
var neededFlags = map[string]string{
	"quorum_queue": "quorum queues cannot be declared",
	"stream_queue": "streams cannot be declared, and before RabbitMQ 4.0 no queue dead-letters at least once: what a ladder queue gives up may be lost",
}

// checkFeatures tells of feature flags that are off.
func checkFeatures(f *Facts) (found []Finding) {
	if err := f.Survey.Flags.Err; err != nil {
		if errors.Is(err, broker.ErrNoManagement) && f.Survey.Version.Err == nil {
			err = fmt.Errorf("%w (before RabbitMQ 4 it needs the tag administrator)", err)
		}
		return notMade("feature flags", err)
	}
	var off []string
	for _, flag := range f.Survey.Flags.Value {
		if flag.State == "enabled" || flag.Stability == "experimental" {
			continue
		}
		if why, needed := neededFlags[flag.Name]; needed {
			found = append(found, Finding{
				Severity: Error, Subject: flag.Name, Message: "the feature flag is off: " + why,
				Remedy: "rabbitmqctl enable_feature_flag " + flag.Name,
			})
			continue
		}
		off = append(off, flag.Name)
	}
	if len(off) > 0 {
		found = append(found, Finding{
			Severity: Info, Subject: strings.Join(off, ", "), Message: "feature flags that are off: the next upgrade may need them",
			Remedy: "rabbitmqctl enable_feature_flag all",
		})
	}
	return found
}

// checkAlarms tells of what makes the broker block publishers.
func checkAlarms(f *Facts) (found []Finding) {
	const blocks = "RabbitMQ blocks everybody who publishes: tasks are not enqueued, and retries and dead letters wait"
	remedies := map[string]string{
		"memory": "rabbitmq-diagnostics memory_breakdown; then let the queues be drained, or: rabbitmqctl set_vm_memory_high_watermark 0.6",
		"disk":   "free disk space on the node, or: rabbitmqctl set_disk_free_limit 1GB",
	}
	for _, alarm := range f.Survey.Alarms.Value {
		resource, _, _ := strings.Cut(alarm.Resource, " ") // "disk space", "disk_limit"
		resource, _, _ = strings.Cut(resource, "_")
		found = append(found, Finding{
			Severity: Error, Subject: alarm.Node, Message: "the alarm for " + resource + " is on: " + blocks, Remedy: remedies[resource],
		})
	}
	switch {
	case len(found) > 0:
	case f.Blocked.Value:
		found = append(found, Finding{
			Severity: Error, Subject: "alarms", Message: blocks,
			Remedy: "rabbitmqctl eval 'rabbit_alarm:get_alarms().' tells which alarm is on",
		})
	case f.Survey.Alarms.Err != nil && f.Blocked.Err != nil:
		return notMade("alarms", f.Blocked.Err)
	}
	return found
}

// maxSkew is how far clocks may be apart, beyond what the measurement leaves open.
const maxSkew = 2 * time.Second

// checkClock compares this machine's clock with the broker's.
func checkClock(f *Facts) []Finding {
	if err := f.Survey.Clock.Err; err != nil {
		return notMade("clock", err)
	}
	skew := f.Survey.Clock.Value
	var apart string
	switch {
	case skew.Least > maxSkew:
		apart = fmt.Sprintf("this machine's clock is at least %s behind that of %s", skew.Least.Round(time.Millisecond), f.ManagementURL)
	case skew.Most < -maxSkew:
		apart = fmt.Sprintf("this machine's clock is at least %s ahead of that of %s", (-skew.Most).Round(time.Millisecond), f.ManagementURL)
	default:
		return nil
	}
	return []Finding{{
		Severity: Warning, Subject: "clock",
		Message: apart + ": delayed tasks, expiries and schedules go by the clock of the machine that publishes or runs them (measured to about 2 s)",
		Remedy:  "timedatectl set-ntp true, here and there",
	}}
}

// checkCluster tells of nodes that do not run, partitions, and of queues without a majority or without a
// second replica.
func checkCluster(f *Facts) (found []Finding) {
	if err := f.Survey.Nodes.Err; err != nil {
		return notMade("cluster", err)
	}
	nodes := f.Survey.Nodes.Value
	for _, n := range nodes {
		if !n.Running {
			found = append(found, Finding{
				Severity: Warning, Subject: n.Name, Message: "the node does not run", Remedy: "start it; one that is gone for good: rabbitmqctl forget_cluster_node " + n.Name,
			})
		}
		if len(n.Partitions) > 0 {
			found = append(found, Finding{
				Severity: Error, Subject: n.Name, Message: "the node is parted from " + strings.Join(n.Partitions, ", ") + " (network partition)",
				Remedy: "restart the nodes of the smaller part, one after the other: rabbitmqctl stop_app && rabbitmqctl start_app",
			})
		}
	}
	if f.Survey.Queues.Err != nil || f.Topology.Err != nil {
		return found
	}
	var minority, single, classic []string
	for _, want := range f.wanted() {
		q, exists := f.queue(want.Name)
		switch {
		case !exists:
		case q.Type == string(routing.Classic):
			if len(nodes) > 1 {
				classic = append(classic, q.Name)
			}
		case len(q.Members) > 0 && 2*len(q.Online) <= len(q.Members):
			minority = append(minority, q.Name)
		case len(nodes) > 1 && len(q.Members) == 1:
			single = append(single, q.Name)
		}
	}
	if len(minority) > 0 {
		found = append(found, Finding{
			Severity: Error, Subject: enumerated(minority), Message: "most replicas are away: nothing goes in or out", Remedy: "start the nodes that are away",
		})
	}
	if len(single) > 0 {
		found = append(found, Finding{
			Severity: Warning, Subject: enumerated(single), Message: fmt.Sprintf("one replica in a cluster of %d nodes: lost with its node", len(nodes)),
			Remedy: f.grow(single, nodes),
		})
	}
	if len(classic) > 0 {
		found = append(found, Finding{
			Severity: Warning, Subject: enumerated(classic), Message: "a classic queue lives on one node of the cluster: lost with it, and out of reach while it is away",
			Remedy: "type: quorum   # below the queue, after it was emptied and deleted",
		})
	}
	return found
}

// grow are the commands that give queues and streams a replica on every node.
func (f *Facts) grow(names []string, nodes []broker.NodeInfo) string {
	var commands []string
	var quorum []string
	for _, name := range names {
		if q, _ := f.queue(name); q.Type == string(routing.Quorum) {
			quorum = append(quorum, name)
			continue
		}
		for _, n := range nodes {
			if q, _ := f.queue(name); !slices.Contains(q.Members, n.Name) {
				commands = append(commands, fmt.Sprintf("rabbitmq-streams add_replica --vhost %s %s %s", quoted(f.Vhost), quoted(name), n.Name))
			}
		}
	}
	if len(quorum) > 0 {
		for _, n := range nodes {
			commands = append(commands, fmt.Sprintf("rabbitmq-queues grow %s all --vhost-pattern %s --queue-pattern %s",
				n.Name, quoted(exactly(f.Vhost)), quoted(anyOf(quorum))))
		}
	}
	return strings.Join(commands, " && ")
}

// enumerated names up to five of several names.
func enumerated(names []string) string {
	const most = 5
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
