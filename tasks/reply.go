package tasks

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// The values of HeaderStatus.
const (
	// StatusOK: the task is done, and the body is its result.
	StatusOK = "ok"
	// StatusError: the task is dead where HeaderDeadReason says why, else it is done without its
	// result; HeaderError is the text.
	StatusError = "error"
	// StatusProgress: the task runs, and the body is a [ProgressEvent] as JSON. Sent to reply queues of
	// Warren's own clients alone: others expect one message.
	StatusProgress = "progress"
)

// Reply is the end of a task that was waited for.
type Reply struct {
	// ID is the task's.
	ID string
	// ContentType and Body are the result; both are empty where the handler gave none.
	ContentType string
	Body        []byte
}

// ReplyMessage returns the message that tells whoever waits for a task what a decision made of it:
// for an Ack its result, else that it is dead. It is addressed to the task's ReplyTo by the default
// exchange.
func ReplyMessage(t *Task, d Decision) Message {
	switch {
	case d.Action != Ack:
		m := errorReply(t, d.Err)
		m.Headers[HeaderDeadReason] = string(d.Reason)
		return m
	case d.Result == nil:
		return replyTo(t, StatusOK)
	case d.Result.Err != nil:
		return errorReply(t, d.Result.Err)
	}
	m := replyTo(t, StatusOK)
	m.ContentType, m.Body = cmp.Or(d.Result.ContentType, DefaultContentType), d.Result.Body
	return m
}

// ProgressMessage returns the message that tells whoever waits for a task of its progress, addressed
// as [ReplyMessage] does.
func ProgressMessage(t *Task, e ProgressEvent) Message {
	m := replyTo(t, StatusProgress)
	m.ContentType = DefaultContentType
	m.Body, _ = json.Marshal(e) // a number that is one, and a text
	return m
}

func errorReply(t *Task, err error) Message {
	m := replyTo(t, StatusError)
	m.Headers[HeaderError] = ErrorText(err, MaxErrorBytes)
	return m
}

func replyTo(t *Task, status string) Message {
	return Message{
		RoutingKey: t.ReplyTo, MessageID: NewID(), Priority: DefaultPriority,
		CorrelationID: cmp.Or(t.CorrelationID, t.ID),
		Headers:       map[string]any{HeaderStatus: status},
	}
}

// ReadReply reads a message that came to a reply queue. The error is a [*RemoteError] without its
// ID for a task that ended without a result, and a [*MalformedError] for a message that is none of
// Warren's. The event is not nil where the task has not ended.
func ReadReply(m Message) (r Reply, progress *ProgressEvent, err error) {
	status, _ := readText(m.Headers[HeaderStatus])
	switch status {
	case StatusOK:
		return Reply{ContentType: m.ContentType, Body: m.Body}, nil, nil
	case StatusError:
		text, _ := readText(m.Headers[HeaderError])
		reason, _ := readText(m.Headers[HeaderDeadReason])
		return Reply{}, nil, &RemoteError{Reason: Reason(reason), Text: text}
	case StatusProgress:
		progress = &ProgressEvent{}
		if err := json.Unmarshal(m.Body, progress); err != nil {
			return Reply{}, nil, &MalformedError{Field: "progress", Err: err}
		}
		progress.Percent = min(max(progress.Percent, 0), 100)
		progress.Note = Cut(progress.Note, maxReplyNoteBytes)
		return Reply{}, progress, nil
	default:
		return Reply{}, nil, &MalformedError{Field: "header " + HeaderStatus, Err: fmt.Errorf("unknown: %.40q", fmt.Sprint(m.Headers[HeaderStatus]))}
	}
}
