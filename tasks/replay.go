package tasks

import (
	"math"
	"time"
)

// ofALife are the headers of one life of a work, from its first start to its death.
var ofALife = [...]string{
	HeaderAttempt, HeaderErrors, HeaderRedeliveries,
	HeaderDeadReason, HeaderError, HeaderFailedAt, HeaderQueue, HeaderWorker,
}

// ReplayMessage returns the republishing of a dead letter, or of a parked task, as a task that has
// never been started: what the work's life has left in its headers is gone, and so are the times before
// which it was not to run and from which it was not to start, where they are past. What was enqueued
// is kept as [Republish] keeps it, and warren-replays counts one more.
//
// t is the task that [Decode] read from m, with its original key, which of a letter that RabbitMQ made
// only its x-death tells. The exchange and the routing key are left to the caller.
func ReplayMessage(m Message, t *Task, self string, now time.Time) Message {
	replays := Replays(m)
	m = Republish(m, t, self)
	for _, name := range ofALife {
		delete(m.Headers, name)
	}
	if !t.NotBefore.IsZero() && !t.NotBefore.After(now) {
		delete(m.Headers, HeaderNotBefore)
	}
	if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now) {
		delete(m.Headers, HeaderExpiresAt)
	}
	m.Headers[HeaderReplays] = int64(min(replays, math.MaxInt32-1)) + 1
	return m
}

// Replays returns how often a message was replayed, as its warren-replays header says. What cannot be
// read as a count counts as 0: a task is not dead for it.
func Replays(m Message) int {
	n, err := readInt(m.Headers[HeaderReplays], 0, math.MaxInt32)
	if err != nil {
		return 0
	}
	return int(n)
}
