package scheduler

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// MaxBacklog is the number of ticks that an entry may be behind, after a sleep of the machine or
// an outage of the broker. Of more than that the oldest are dropped, with a warning.
const MaxBacklog = 1000

// TaskID returns the ID of the task that a tick becomes. It is the same for the same tick on every
// machine, so that a tick emitted twice is one task published twice and never two tasks.
//
// It is shaped as a UUIDv7: its time is the fire time, to the second, and its 74 random bits are
// the first of the SHA-256 of the entry's name, a zero byte, and the fire time in UTC as RFC 3339.
func TaskID(entry string, fire time.Time) string {
	fire = fire.UTC().Truncate(time.Second)
	sum := sha256.Sum256([]byte(entry + "\x00" + fire.Format(time.RFC3339)))
	id := uuid.UUID(sum[:16])
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(fire.UnixMilli())<<16)
	copy(id[:6], millis[:6])
	id[6] = id[6]&0x0f | 0x70 // version 7
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id.String()
}

// due returns the ticks in (last, now], the oldest first: all of them or, where they are more than
// limit, the newest limit of them. Then the last result is the first tick that was dropped.
//
// It looks back from now in windows that double, so that its work depends on the limit and not on
// how long ago last was: a machine without a battery for its clock wakes up in 1970.
func (c calendar) due(last, now time.Time, limit int) (ticks []time.Time, dropped time.Time) {
	from := now
	for window := time.Duration(limit) * time.Second; from.After(last) && len(ticks) < limit; window *= 2 {
		from = last
		if window < now.Sub(last)/2 {
			from = now.Add(-window)
		}
		ticks = c.between(from, now)
	}
	ticks = ticks[max(len(ticks)-limit, 0):]
	if len(ticks) > 0 {
		if first := c.next(last); first.Before(ticks[0]) {
			dropped = first
		}
	}
	return ticks, dropped
}

// between returns the ticks in (from, to].
func (c calendar) between(from, to time.Time) []time.Time {
	var ticks []time.Time
	for t := c.next(from); !t.IsZero() && !t.After(to); t = c.next(t) {
		ticks = append(ticks, t)
	}
	return ticks
}
