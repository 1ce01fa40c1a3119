package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

const (
	ticksQueue = "ticks"
	ticksRoute = "tick.#"
	// ticksPrefetch is more than come due while the broker is away.
	ticksPrefetch = 1000
)

// tick is a fire time of an entry, to the second.
type tick struct {
	entry string
	fire  int64 // Unix
}

// at returns the fire time.
func (t tick) at() time.Time { return time.Unix(t.fire, 0) }

// caught is a delivery of a tick's task.
type caught struct {
	tick
	id          string
	received    time.Time
	enqueued    time.Time // to the millisecond: two publishes of one task differ in it
	notBefore   time.Time // the zero time: at once
	redelivered bool
}

// catcher consumes the queue of the ticks and keeps what it is given. It is safe for use by any number
// of goroutines.
type catcher struct {
	mu   sync.Mutex
	all  []caught
	odd  []string // deliveries that are no tick, and why
	last map[string]int64
}

// deliver notes a delivery and acknowledges it. One whose acknowledgement is lost comes again.
func (c *catcher) deliver(d *broker.Delivery) {
	c.note(d.Message, d.Redelivered, time.Now())
	_ = d.Ack()
}

func (c *catcher) note(m tasks.Message, redelivered bool, now time.Time) {
	t, err := tasks.Decode(m, ticksQueue, now)
	if err == nil && (t.Schedule == "" || t.ScheduledFor.IsZero() || t.ScheduledFor.Nanosecond() != 0) {
		err = fmt.Errorf("schedule %q, scheduled for %s", t.Schedule, t.ScheduledFor)
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.odd = append(c.odd, fmt.Sprintf("task %s is no tick: %v", m.MessageID, err))
		return
	}
	c.keep(caught{
		tick: tick{t.Schedule, t.ScheduledFor.Unix()}, id: t.ID,
		received: now, enqueued: t.EnqueuedAt, notBefore: t.NotBefore, redelivered: redelivered,
	})
}

func (c *catcher) keep(one caught) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
	if c.last == nil {
		c.last = map[string]int64{}
	}
	c.last[one.entry] = max(c.last[one.entry], one.fire)
}

// told returns what was caught so far.
func (c *catcher) told() (all []caught, odd []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all), slices.Clone(c.odd)
}

// reached reports whether a tick of an entry has come that is this late or later.
func (c *catcher) reached(entry string, fire time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[entry] >= fire.Unix()
}
