package scheduler

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"time"
)

// Delay returns how long after its fire time the task of a tick may start, within [0, Jitter); 0
// where there is no jitter. It is the same for the same tick on every machine, so that a tick that
// is emitted twice is twice the same task, and over the ticks it is uniform.
//
// It is Jitter times the first 64 bits of the SHA-256 of "jitter", a zero byte, the identity, a
// zero byte, and the fire time in UTC as RFC 3339, taken as a fraction of 1, rounded down to the
// millisecond: the wire has no finer times.
func (e Entry) Delay(fire time.Time) time.Duration {
	if e.Jitter <= 0 {
		return 0
	}
	sum := sha256.Sum256([]byte("jitter\x00" + e.Identity() + "\x00" + fire.UTC().Truncate(time.Second).Format(time.RFC3339)))
	share, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), uint64(e.Jitter))
	return time.Duration(share).Truncate(time.Millisecond)
}
