package scheduler

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/warrenmq/warren/tasks"
)

// TaskID returns the ID of the task that a tick becomes. It is the same for the same tick on every
// machine, so that a tick emitted twice is one task published twice and never two tasks.
//
// The identity is the entry's, as [Entry.Identity] tells it.
//
// It is shaped as a UUIDv7: its time is the fire time, to the second, and its 74 random bits are
// the first of the SHA-256 of the identity, a zero byte, and the fire time in UTC as RFC 3339.
func TaskID(identity string, fire time.Time) string {
	fire = fire.UTC().Truncate(time.Second)
	sum := sha256.Sum256([]byte(identity + "\x00" + fire.Format(time.RFC3339)))
	id := uuid.UUID(sum[:16])
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(fire.UnixMilli())<<16)
	copy(id[:6], millis[:6])
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id.String()
}

// task is what a tick of the entry, whose timetable is t, becomes. The fire time is told in the entry's
// zone. It fails where the payload cannot be rendered, which [Entry.Validate] has tried: so it would with
// every try.
func (e Entry) task(t Timetable, fire time.Time) (tasks.Task, error) {
	task := tasks.Task{
		ID: TaskID(e.Identity(), fire), Key: e.Key, Payload: e.Payload, ContentType: e.ContentType, Priority: e.Priority,
		Schedule: e.Name, ScheduledFor: fire,
	}
	if e.Jitter > 0 {
		task.NotBefore = fire.Add(e.Delay(fire))
	}
	if e.Template == nil {
		return task, nil
	}
	var err error
	if task.Payload, err = e.Template.render(e.tick(t, fire)); err != nil {
		return tasks.Task{}, fmt.Errorf("task of %q for %s: %w", e.Name, fire.Format(time.RFC3339), err)
	}
	return task, nil
}

// tick is what the entry's template may ask for.
func (e Entry) tick(t Timetable, fire time.Time) tick {
	return tick{ScheduledFor: fireTime{fire.In(t.zone)}, Entry: e.Name, ID: TaskID(e.Identity(), fire), timetable: t}
}

// tick is what a template may ask for.
type tick struct {
	ScheduledFor fireTime
	Entry        string
	ID           string
	timetable    Timetable
}

// Previous is the fire time before.
func (t tick) Previous() (fireTime, error) {
	previous := t.timetable.Previous(t.ScheduledFor.at)
	if previous.IsZero() {
		return fireTime{}, errors.New("there is no fire time before this one")
	}
	return fireTime{previous}, nil
}
