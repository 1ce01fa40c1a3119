package worker

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The limits of redeliveries. A work that is given out again and again without an end, because each
// time the process that runs it dies, must not go on for ever; but what was prefetched beside it is
// given out again as often, and must not be taken for it.
const (
	// crashLimit is how many redeliveries make a work a dead letter. It is RabbitMQ's own delivery
	// limit, which acts one delivery later.
	crashLimit = routing.DeliveryLimit
	// suspectAfter is how many redeliveries it takes for a work to be sent away for a time before it
	// runs again: by the queue's retry policy, spread widely. So the one that kills its process and
	// those beside it do not meet again, and the process has some time between two deaths.
	suspectAfter = 3
)

// recognise returns true where a redelivery is that of a work that this process has under way or has decided
// about, and so is dealt with.
func (q *queue) recognise(it *item, redelivered bool) bool {
	if !redelivered { // whatever its headers say, as those of a letter that is sent again do
		return false
	}
	joined, decision, known := q.works.recognise(it)
	switch {
	case joined:
		q.settler.tell(slog.LevelInfo, it, "task was given out again while it runs here, its end will count")
	case known:
		q.settler.tell(slog.LevelInfo, it, "task was given out again after it ended here, it is not run again")
		q.repeat(it, decision)
	}
	return joined || known
}

// inspect looks at a redelivered work that was not recognised. It returns true where it has dealt with the
// delivery: as that of one that has come back too often, or as one that is to be published anew with its
// count before it runs.
func (q *queue) inspect(it *item, redelivered bool) bool {
	if !redelivered {
		return false
	}
	uncounted := !it.message.CountedByQueue() // a classic queue only says that it was given out before
	if uncounted {
		it.task.Redeliveries++
	}
	count := it.task.Redeliveries
	switch {
	case count >= crashLimit:
		q.conclude(it, tasks.Decision{Action: tasks.DeadLetter, Reason: tasks.ReasonCrashLoop, Err: fmt.Errorf(
			"given out %d times again without an end: its process died, or lost its connection, each time", count)})
	case uncounted || count >= suspectAfter:
		after := q.suspectDelay(count)
		q.begin(it, func() {
			if !q.settler.recount(q.settling, it, after) {
				it.delivery = q.works.abandon(it) // another may have joined meanwhile
				q.admit(it)
			}
		})
	default:
		return false
	}
	return true
}

// suspectDelayMax bounds what the retry policy says: most suspects are innocent.
const suspectDelayMax = time.Minute

// suspectDelay is how long a work is sent away: the retry policy's delay, spread from half of it to
// one and a half.
func (q *queue) suspectDelay(redeliveries int) time.Duration {
	if redeliveries < suspectAfter {
		return 0
	}
	const middle = 0.5
	delay := min(q.cfg.Retry.Delay(redeliveries-suspectAfter+1, middle), suspectDelayMax)
	return delay/2 + rand.N(delay+1)
}
