package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// entrance is how a task is published.
type entrance int

// The entrances.
const (
	strict  entrance = iota // as a Go program does: an unroutable task is an error
	public                  // what no queue wants is parked
	foreign                 // a plain AMQP message, with an attempt that is no number
)

// kind is one kind of the tasks that are published, and what has to become of them.
type kind struct {
	name     string
	key      string
	count    int
	payload  func(n int) string
	through  entrance
	priority int
	delay    time.Duration // the longest; the tasks' delays are spread over 0..delay
	ends     place
	reason   tasks.Reason // where it ends dead
}

// The names of kinds that the report says more about.
const (
	kindHigh = "priority 9"
	kindLow  = "priority 1"
)

// kinds are what a run publishes, about two thousand tasks.
func kinds() []*kind {
	return []*kind{
		{name: "email", key: "email.welcome", count: 850, payload: mailTo("example.org"), ends: done},
		{name: "image, by a program", key: "image.thumbnail", count: 200, payload: picture, ends: done},
		{name: "report", key: "report.build", count: 100, payload: report, ends: done},
		{name: "delayed by 0 to 5 s", key: "email.reminder", count: 500, payload: mailTo("example.org"), delay: 5 * time.Second, ends: done},
		{name: kindHigh, key: "report.build", count: 100, payload: report, priority: tasks.MaxPriority, ends: done},
		{name: kindLow, key: "report.build", count: 100, payload: report, priority: tasks.MinPriority, ends: done},
		{name: "fails, then succeeds", key: "email.welcome", count: 100, payload: mailTo(greylisting), ends: done},
		{name: "fails for ever", key: "email.welcome", count: 20, payload: mailTo(unreachable), ends: dead, reason: tasks.ReasonAttemptsExhausted},
		{name: "poison payload", key: "email.welcome", count: 10, payload: poison, ends: dead, reason: tasks.ReasonPermanent},
		{name: "malformed header", key: "email.welcome", count: 10, payload: mailTo("example.org"), through: foreign, ends: dead, reason: tasks.ReasonMalformed},
		{name: "nobody wants it", key: "sms.send", count: 10, payload: mailTo("example.org"), through: public, ends: parked},
	}
}

func mailTo(domain string) func(int) string {
	return func(n int) string { return fmt.Sprintf(`{"to": "user-%d@%s"}`, n, domain) }
}

func picture(n int) string { return fmt.Sprintf(`{"width": 320, "height": 240, "seed": %d}`, n) }

func report(n int) string { return fmt.Sprintf(`{"customer": %d}`, n) }

// poison is JSON that was cut off on its way.
func poison(n int) string { return fmt.Sprintf(`{"to": "user-%d@exam`, n) }

// publication is one task to publish.
type publication struct {
	kind  *kind
	task  tasks.Task
	delay time.Duration // from when it is published
}

// plan returns the publications of kinds in two parts. The second, the delayed ones, is for when the
// first is done: how late they are shall tell of the delay alone and not of a busy queue. In the
// first, those at once are mixed, the reports follow, and on their heels come those with
// priorities, which shall find their queue busy.
func plan(kinds []*kind) (atOnce, delayed []publication) {
	var mixed, reports, prioritised []publication
	for _, k := range kinds {
		part := &mixed
		switch {
		case k.delay != 0:
			part = &delayed
		case k.priority != 0:
			part = &prioritised
		case k.name == "report":
			part = &reports
		}
		for n := range k.count {
			*part = append(*part, k.publication(n))
		}
	}
	for _, part := range [][]publication{mixed, prioritised} {
		rand.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
	}
	return slices.Concat(mixed, reports, prioritised), delayed
}

// publication returns the n-th task of a kind.
func (k *kind) publication(n int) publication {
	p := publication{kind: k, task: tasks.Task{
		ID: tasks.NewID(), Key: k.key, Payload: []byte(k.payload(n)), Priority: k.priority,
	}}
	if k.delay > 0 {
		p.delay = rand.N(k.delay)
	}
	return p
}
