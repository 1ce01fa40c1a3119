package scheduler

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/ledger"
	"github.com/warrenmq/warren/tasks"
)

// The bounds of an entry's texts, in bytes.
const (
	// MaxNameBytes bounds the name of an entry, and its ID.
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

// MaxJitter bounds Entry.Jitter.
const MaxJitter = 24 * time.Hour

// ErrInvalidEntry is an entry with a field that is wrong, or two entries of one identity. The error
// that says so is an [*EntryError].
var ErrInvalidEntry = errors.New("invalid schedule entry")

// EntryError tells which field of which entry is wrong. It is [ErrInvalidEntry].
type EntryError struct {
	Entry string
	// Field is the field as warren.yaml calls it: name, id, cron, every, at, tz, jitter, key,
	// content_type, priority, catch_up.policy, catch_up.max, catch_up.spacing, or payload and the path
	// in it, such as payload.window.from.
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

// Entry is one line of the schedule: when it fires and the task that each tick becomes. One of Cron,
// Every and At says when.
type Entry struct {
	// Name is what the entry is called in logs and headers: 1 to MaxNameBytes bytes of
	// [A-Za-z0-9_.-].
	Name string
	// ID is the identity of an entry that may be renamed: what its task IDs are derived from and its
	// ticks are remembered under. It is as Name is. Defaults to Name.
	ID string
	// Cron says when: five fields (minute, hour, day of month, month, day of week), six with the
	// second in front, or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly. A tick
	// fires when the clock of the zone shows its time.
	//
	// Where that clock is changed, an entry that is set to certain hours fires once for each of its
	// times all the same: at the change for a time that the clock jumps over, and the first time only
	// where it shows a time twice. An entry that fires in every hour keeps its pace instead.
	Cron string
	// Every is an interval in whole seconds, MinEvery..MaxEvery. It fires at the whole multiples of it
	// since 1970-01-01T00:00:00Z, whatever the zone.
	Every time.Duration
	// At is the one time at which the entry fires, in whole seconds: with an offset, as RFC 3339 has
	// it, or without one by the clock of the zone. Where that clock is changed the same holds as for
	// Cron: a time that is jumped over is at the change, one that is shown twice is the first.
	At string
	// TZ is the IANA name of the zone, such as Asia/Tokyo. Defaults to DefaultTZ.
	TZ string
	// Jitter spreads the starts of the tasks over this long after their fire times, 0..MaxJitter.
	// Each tick has its own share of it, the same on every machine.
	Jitter time.Duration
	// CatchUp says which ticks are emitted that were missed. The zero value is the default.
	CatchUp CatchUp
	// Key is the routing key of its tasks.
	Key string
	// Payload is the body of its tasks. Defaults to DefaultPayload where ContentType is empty and
	// there is no Template.
	Payload []byte
	// Template, where it is not nil, is rendered for each tick, and is then the body instead of Payload.
	Template *Template
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
	e.CatchUp = e.CatchUp.withDefaults()
	if e.Payload == nil && e.ContentType == "" && e.Template == nil {
		e.Payload = []byte(DefaultPayload)
	}
	if e.ContentType == "" {
		e.ContentType = tasks.DefaultContentType
	}
	return e
}

// Identity is the entry's ID or, where it has none, its name.
func (e Entry) Identity() string { return cmp.Or(e.ID, e.Name) }

// Timetable returns when the entry fires. An entry that does not say so, or not rightly, is an
// [*EntryError].
func (e Entry) Timetable() (Timetable, error) {
	zone, err := loadZone(e.TZ)
	if err != nil {
		return Timetable{}, &EntryError{e.Name, "tz", err}
	}
	t, field, err := e.timetable(zone)
	if err != nil {
		return Timetable{}, &EntryError{e.Name, field, err}
	}
	return t, nil
}

// timetable returns the timetable in a zone, or the field that is wrong and why.
func (e Entry) timetable(zone *time.Location) (t Timetable, field string, err error) {
	var given []string
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"cron", e.Cron != ""}, {"every", e.Every != 0}, {"at", e.At != ""},
	} {
		if f.given {
			given = append(given, f.name)
		}
	}
	if len(given) == 0 {
		return Timetable{}, "cron", errors.New("nothing says when: one of cron, every and at is needed")
	}
	field = given[len(given)-1]
	if len(given) > 1 {
		return Timetable{}, field, fmt.Errorf("one of cron, every and at says when, and here are %s", strings.Join(given, " and "))
	}
	switch field {
	case "every":
		t, err = newEvery(e.Every, zone)
	case "at":
		t, err = newOnce(e.At, zone)
	default:
		t, err = newCron(e.Cron, zone)
	}
	if err == nil && len(t.text) > ledger.MaxTimetableBytes {
		err = fmt.Errorf("%d bytes are more than the ledger remembers it by, %d", len(t.text), ledger.MaxTimetableBytes)
	}
	return t, field, err
}

// Validate checks the entry; a zero field is taken as its default. Each field that is wrong is an
// [*EntryError], all joined by errors.Join.
func (e Entry) Validate() error {
	var problems []error
	check := func(field string, err error) {
		if err != nil {
			problems = append(problems, &EntryError{e.Name, field, err})
		}
	}
	check("name", validateName(e.Name))
	if e.ID != "" {
		check("id", validateName(e.ID))
	}
	zone, err := loadZone(e.TZ)
	check("tz", err)
	if err != nil {
		zone = time.UTC
	}
	t, field, err := e.timetable(zone)
	check(field, err)
	if err == nil && e.Template != nil {
		check(e.validateTemplate(t))
	}
	if e.Jitter < 0 || e.Jitter > MaxJitter {
		check("jitter", fmt.Errorf("%s is not within 0s..%s", e.Jitter, MaxJitter))
	}
	check(e.CatchUp.validate())
	check("key", routing.ValidateKey(e.Key))
	if len(e.ContentType) > MaxContentTypeBytes {
		check("content_type", fmt.Errorf("%d bytes, at most %d", len(e.ContentType), MaxContentTypeBytes))
	}
	if e.Priority != 0 && (e.Priority < tasks.MinPriority || e.Priority > tasks.MaxPriority) {
		check("priority", fmt.Errorf("%d is not within %d..%d", e.Priority, tasks.MinPriority, tasks.MaxPriority))
	}
	return errors.Join(problems...)
}

// ValidateIdentities checks that no two entries have one identity: their ticks would be taken for
// each other's. Each entry that has the identity of one before it is an [*EntryError], all joined by
// errors.Join.
func ValidateIdentities(entries []Entry) error {
	var problems []error
	first := map[string]Entry{}
	for _, e := range entries {
		other, taken := first[e.Identity()]
		if !taken {
			first[e.Identity()] = e
			continue
		}
		field := "name"
		if e.ID != "" {
			field = "id"
		}
		problems = append(problems, &EntryError{e.Name, field, fmt.Errorf("the entry %q has the identity %q already", other.Name, e.Identity())})
	}
	return errors.Join(problems...)
}

// validateTemplate returns the text of the payload that cannot be rendered, and why. It tries a tick
// of the timetable: the first of 2026 or, where there is none, the first of all.
func (e Entry) validateTemplate(t Timetable) (field string, err error) {
	if e.Payload != nil {
		return "payload", errors.New("Payload and Template exclude each other")
	}
	fire := t.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if fire.IsZero() {
		fire = t.Next(time.Unix(-1, 0))
	}
	err = e.Template.check(e.tick(t, fire))
	var wrong *TemplateError
	if errors.As(err, &wrong) {
		return "payload" + wrong.Path, wrong.Err
	}
	return "payload", err
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
