package scheduler

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The bounds of an entry's texts, in bytes.
const (
	// MaxNameBytes bounds the name of an entry.
	MaxNameBytes = 180
	// MaxContentTypeBytes bounds its content type: AMQP's content_type is a short string.
	MaxContentTypeBytes = 255
)

// The defaults of an entry.
const (
	DefaultTZ = "UTC"
	// DefaultPayload is JSON that a handler in any language may look for fields in.
	DefaultPayload = "{}"
)

// ErrInvalidEntry is an entry with a field that is wrong, or two entries of one name. The error
// that says so is an [*EntryError].
var ErrInvalidEntry = errors.New("invalid schedule entry")

// EntryError tells which field of which entry is wrong. It is [ErrInvalidEntry].
type EntryError struct {
	Entry string
	// Field is the field as warren.yaml calls it: name, cron, tz, key, content_type or priority.
	Field string
	Err   error
}

// Error names the entry and the field.
func (e *EntryError) Error() string {
	return fmt.Sprintf("%v %q: %s: %v", ErrInvalidEntry, e.Entry, e.Field, e.Err)
}

// Is reports whether target is [ErrInvalidEntry].
func (e *EntryError) Is(target error) bool { return target == ErrInvalidEntry }

// Unwrap returns the cause.
func (e *EntryError) Unwrap() error { return e.Err }

// Entry is one line of the schedule: when it fires and the task that each tick becomes.
type Entry struct {
	// Name identifies the entry in logs, headers and task IDs: 1 to MaxNameBytes bytes of
	// [A-Za-z0-9_.-].
	Name string
	// Cron says when: five fields (minute, hour, day of month, month, day of week), six with the
	// second in front, or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly. A tick
	// fires when the clock of the zone shows its time.
	//
	// Where that clock is changed, an entry that is set to certain hours fires once for each of its
	// times all the same: at the change for a time that the clock jumps over, and the first time only
	// where it shows a time twice. An entry that fires in every hour keeps its pace instead.
	Cron string
	// TZ is the IANA name of the zone, such as Asia/Tokyo. Defaults to DefaultTZ.
	TZ string
	// Key is the routing key of its tasks.
	Key string
	// Payload is the body of its tasks. Defaults to DefaultPayload where ContentType is empty.
	Payload []byte
	// ContentType says what the payload is. Defaults to tasks.DefaultContentType.
	ContentType string
	// Priority is tasks.MinPriority..tasks.MaxPriority, 0 for tasks.DefaultPriority.
	Priority int
}

// WithDefaults returns the entry with its zero fields filled. Priority stays 0: the task's own
// default holds.
func (e Entry) WithDefaults() Entry {
	if e.TZ == "" {
		e.TZ = DefaultTZ
	}
	if e.Payload == nil && e.ContentType == "" {
		e.Payload = []byte(DefaultPayload)
	}
	if e.ContentType == "" {
		e.ContentType = tasks.DefaultContentType
	}
	return e
}

// Validate checks the entry; an empty TZ is taken as its default. Each field that is wrong is an
// [*EntryError], all joined by errors.Join.
func (e Entry) Validate() error {
	var problems []error
	check := func(field string, err error) {
		if err != nil {
			problems = append(problems, &EntryError{e.Name, field, err})
		}
	}
	check("name", validateName(e.Name))
	_, err := parseCron(e.Cron)
	check("cron", err)
	_, err = loadZone(e.TZ)
	check("tz", err)
	check("key", routing.ValidateKey(e.Key))
	if len(e.ContentType) > MaxContentTypeBytes {
		check("content_type", fmt.Errorf("%d bytes, at most %d", len(e.ContentType), MaxContentTypeBytes))
	}
	if e.Priority != 0 && (e.Priority < tasks.MinPriority || e.Priority > tasks.MaxPriority) {
		check("priority", fmt.Errorf("%d is not within %d..%d", e.Priority, tasks.MinPriority, tasks.MaxPriority))
	}
	return errors.Join(problems...)
}

// task is what a tick of the entry becomes. The fire time is told in the entry's zone.
func (e Entry) task(fire time.Time) tasks.Task {
	return tasks.Task{
		ID: TaskID(e.Name, fire), Key: e.Key, Payload: e.Payload, ContentType: e.ContentType, Priority: e.Priority,
		Schedule: e.Name, ScheduledFor: fire,
	}
}

func validateName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > MaxNameBytes:
		return fmt.Errorf("%d bytes, at most %d", len(name), MaxNameBytes)
	}
	for _, c := range name {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", c) {
			return fmt.Errorf("the character %q is not a letter, a digit, _, - or a dot", c)
		}
	}
	return nil
}

func loadZone(name string) (*time.Location, error) {
	switch name {
	case "":
		name = DefaultTZ
	case "Local":
		return nil, errors.New("Local is another zone on each machine: name one, such as Europe/Berlin")
	}
	return time.LoadLocation(name)
}
