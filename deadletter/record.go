package deadletter

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Record is what there is to tell of a dead letter. Its JSON is one object, whose field names are
// for ever: other programs read it.
type Record struct {
	// ID is the task's, empty where a foreign producer gave none.
	ID string `json:"id"`
	// Key is the routing key that the task was first published under.
	Key string `json:"key"`
	// Queue is the work queue that it failed in, empty for a parked task, which no queue wanted.
	Queue string `json:"queue"`
	// Reason is why it is dead, empty for a parked task, or a message that somebody put there.
	Reason tasks.Reason `json:"reason"`
	// Error is the text of the last error, empty where RabbitMQ made the letter.
	Error string `json:"error"`
	// Errors are one an attempt, the oldest first, at most tasks.MaxErrors.
	Errors []string `json:"errors"`
	// Attempt is the 1-based count of the start that ended in this letter.
	Attempt int `json:"attempt"`
	// Replays is how often it was a letter before and was replayed.
	Replays int `json:"replays"`
	// Priority is what the task's counts as, tasks.MinPriority..tasks.MaxPriority.
	Priority int `json:"priority"`
	// FailedAt is when it became a letter; the zero time, and no field, where nothing tells.
	FailedAt time.Time `json:"failed_at,omitzero"`
	// Worker is the worker that gave it up, empty where RabbitMQ made the letter.
	Worker string `json:"worker"`
	// Schedule is the entry that emitted the task; empty, and no field, where none did.
	Schedule string `json:"schedule,omitempty"`
	// Headers are all of the message's, values that JSON has no form for as text.
	Headers map[string]any `json:"headers"`
	// Payload is the payload where it is UTF-8, else PayloadBase64 is. Both are empty, and no field,
	// where the payload is.
	Payload       string `json:"payload,omitempty"`
	PayloadBase64 string `json:"payload_base64,omitempty"`
}

// FromMessage reads a message of a dead-letter queue, or of the unrouted queue, as a record. What
// cannot be read stays empty. It never panics, whatever the message holds.
func FromMessage(m tasks.Message, deadQueue string) Record {
	queue, isDead := strings.CutSuffix(deadQueue, routing.DeadSuffix)
	if !isDead {
		queue = ""
	}
	m.Expiration = ""                           // of no interest any more
	t, _ := tasks.Decode(m, queue, time.Time{}) // what is malformed keeps its default
	r := Record{
		ID: m.MessageID, Key: t.Key, Queue: queue, Errors: t.Errors,
		Attempt: t.Attempt, Replays: tasks.Replays(m), Priority: t.EffectivePriority(), Schedule: t.Schedule,
		Headers: plainTable(m.Headers, maxDepth),
	}
	if r.Errors == nil {
		r.Errors = []string{}
	}
	r.SetBody(m.Body)
	if d, ok := newestDeath(&m, queue); ok {
		r.byBroker(&m, d)
	} else {
		r.byWorker(&m)
	}
	return r
}

// Body returns the payload as bytes.
func (r *Record) Body() []byte {
	if r.PayloadBase64 == "" {
		return []byte(r.Payload)
	}
	body, _ := base64.StdEncoding.DecodeString(r.PayloadBase64) // SetBody's
	return body
}

// SetBody sets the payload: as text where it is UTF-8, else in base64.
func (r *Record) SetBody(body []byte) {
	r.Payload, r.PayloadBase64 = "", ""
	if utf8.Valid(body) {
		r.Payload = string(body)
	} else {
		r.PayloadBase64 = base64.StdEncoding.EncodeToString(body)
	}
}

// byWorker fills in what a worker wrote into the letter's headers.
func (r *Record) byWorker(m *tasks.Message) {
	r.Reason = tasks.Reason(text(m.Headers[tasks.HeaderDeadReason]))
	r.Error = text(m.Headers[tasks.HeaderError])
	r.Worker = text(m.Headers[tasks.HeaderWorker])
	if queue := text(m.Headers[tasks.HeaderQueue]); queue != "" {
		r.Queue = queue
	}
	if at, err := time.Parse(time.RFC3339, text(m.Headers[tasks.HeaderFailedAt])); err == nil {
		r.FailedAt = sayable(at)
	}
}

// byBroker fills in what RabbitMQ tells of a letter that it made. Headers of a worker's are of an
// earlier death, before a replay: a worker strips x-death from what it publishes.
func (r *Record) byBroker(m *tasks.Message, d death) {
	r.Reason, r.FailedAt = d.reason, d.at
	if d.queue != "" {
		r.Queue = d.queue
	}
	if text(m.Headers[tasks.HeaderRoutingKey]) == "" && d.key != "" {
		r.Key = d.key
	}
}

// sayable returns a time in UTC, or the zero time where RFC 3339, and so JSON, cannot say it: a producer
// may have written a zone of 24 hours, or years beyond 9999.
func sayable(at time.Time) time.Time {
	at = at.UTC()
	if year := at.Year(); year < 1970 || year > 9999 {
		return time.Time{}
	}
	return at
}

// text reads a header's text, empty where it is something else.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return ""
	}
}
