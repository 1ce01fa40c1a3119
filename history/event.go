package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// Kind is what happened. Those of a task in a worker are the tasks.EventKind of the same name.
type Kind string

// The kinds of events.
const (
	Started   = Kind(tasks.EventStarted)
	Succeeded = Kind(tasks.EventSucceeded)
	Retried   = Kind(tasks.EventRetried)
	Snoozed   = Kind(tasks.EventSnoozed)
	Returned  = Kind(tasks.EventReturned)
	Dead      = Kind(tasks.EventDead)
	Revoked   = Kind(tasks.EventRevoked)
	Progress  = Kind(tasks.EventProgress)

	// What operators do.
	Enqueued Kind = "enqueued"
	Replayed Kind = "replayed"
	Dropped  Kind = "dropped"
	Edited   Kind = "edited"
	Paused   Kind = "paused"
	Resumed  Kind = "resumed"

	// Gap says that Count events are not here, since they could not be appended in time.
	Gap Kind = "gap"
)

// Kinds are all kinds of events.
func Kinds() []Kind {
	return []Kind{
		Started, Succeeded, Retried, Snoozed, Returned, Dead, Revoked, Progress,
		Enqueued, Replayed, Dropped, Edited, Paused, Resumed, Gap,
	}
}

// Event is one line of history. A field that is empty is not on the line.
type Event struct {
	// At is when it happened, by the clock of whoever tells it, to the microsecond.
	At    time.Time `json:"at"`
	Event Kind      `json:"event"`
	// ID, Key, Queue and Attempt are the task's.
	ID      string `json:"id,omitempty"`
	Key     string `json:"key,omitempty"`
	Queue   string `json:"queue,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	// Worker is the worker's name, host:pid by default.
	Worker string `json:"worker,omitempty"`
	// Wait is how long the task waited for its turn since it was enqueued or due, Duration how long it
	// had it until the event.
	Wait     *Millis `json:"wait_ms,omitempty"`
	Duration *Millis `json:"duration_ms,omitempty"`
	// Error and Reason are those of a failure.
	Error  string `json:"error,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Schedule is the entry that emitted the task.
	Schedule string `json:"schedule,omitempty"`
	// By is who enqueued the task or, of what an operator did, who did it; ` (claimed)` behind it says
	// that nobody has checked it.
	By string `json:"by,omitempty"`
	// Batch, BatchIndex and BatchTotal are what the task is a part of.
	Batch      string `json:"batch,omitempty"`
	BatchIndex int    `json:"batch_index,omitempty"`
	BatchTotal int    `json:"batch_total,omitempty"`
	// Percent and Note are what a task told of its progress.
	Percent *float64 `json:"percent,omitempty"`
	Note    string   `json:"note,omitempty"`
	// Count is how many events a gap stands for.
	Count int `json:"count,omitempty"`
}

// Millis is a time in milliseconds, as it is on the line: 12.5.
type Millis float64

// Duration returns the time.
func (m Millis) Duration() time.Duration {
	return time.Duration(float64(m) * float64(time.Millisecond))
}

// Level is how much is kept.
type Level string

// The levels.
const (
	// Off keeps nothing.
	Off Level = "off"
	// Outcomes keeps everything but what All adds.
	Outcomes Level = "outcomes"
	// All keeps also each start of a task, and each return to its queue.
	All Level = "all"
)

// Levels are all levels.
func Levels() []Level { return []Level{Off, Outcomes, All} }

// ParseLevel reads a level.
func ParseLevel(text string) (Level, error) {
	if l := Level(text); slices.Contains(Levels(), l) {
		return l, nil
	}
	return "", fmt.Errorf("%.40q is none of off, outcomes, all", text)
}

// Keeps reports whether events of a kind are kept.
func (l Level) Keeps(k Kind) bool {
	switch l {
	case All:
		return true
	case Outcomes:
		return k != Started && k != Returned
	default:
		return false
	}
}

// ParseKind reads the kind of an event.
func ParseKind(text string) (Kind, error) {
	if k := Kind(text); slices.Contains(Kinds(), k) {
		return k, nil
	}
	names := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("%.40q is none of %s", text, strings.Join(names, ", "))
}

// MarshalJSON returns the event as it is on its line.
func (e Event) MarshalJSON() ([]byte, error) { return e.append(nil), nil }

// parseEvent reads a line. ok is false for one that is no event, whose time is one that RFC 3339 cannot say in UTC
// among them: it could not be written again.
func parseEvent(line []byte) (e Event, ok bool) {
	if err := json.Unmarshal(line, &e); err != nil || e.Event == "" {
		return Event{}, false
	}
	year := e.At.UTC().Year()
	return e, 0 <= year && year <= 9999
}
