package routing

import (
	"fmt"
	"strings"
	"time"
)

// The delay ladder. A delay is counted in ticks, written in base 4 with [LadderDigits] digits,
// lowest first, in the front of the routing key. The exchange of digit k parks the message in its
// queue for that digit, whose TTL is digit x 4^k ticks, and the queue dead-letters into the
// exchange of digit k-1; where the digit is 0 the exchange hands the message down at once. Every
// queue holds all its messages for the same time, so none waits behind a longer one.
//
// Lowest first, because the low digits are walked most often and a topic exchange pays for every
// word before the one it decides by. Base 4, because it gained most for the fewest queues
// (docs/delays.md).
const (
	// LadderTick is the unit that delays are counted in.
	LadderTick = 100 * time.Millisecond
	// LadderLead is how much earlier than due a message leaves the ladder: the hops' own time. The
	// worker holds it until it is due.
	LadderLead = 60 * time.Millisecond
	// LadderDigits is the number of digits of a delay, and of exchanges of the ladder.
	LadderDigits = 14
	// MaxDelay is the longest delay that the ladder spends in one lap: a little over 310 days.
	MaxDelay = (1<<(2*LadderDigits)-1)*LadderTick + LadderLead
	// MinLadderDelay is the shortest delay that is sent through the ladder; below it there is no
	// whole tick to spend and the worker's holding does it all.
	MinLadderDelay = LadderTick + LadderLead
)

// Hop is where a delayed message is published.
type Hop struct {
	Exchange string
	Key      string
}

// Address is what stands behind the digits in a ladder key: where the message goes when the
// ladder has spent its delay. Make one with [ToRoute] or [ToQueue].
type Address struct {
	mark, name string
}

// ToRoute addresses whatever queues want the routing key.
func ToRoute(key string) Address { return Address{"r", key} }

// ToQueue addresses one queue alone: a retry must not fan out to the other queues that wanted the
// task's key.
func ToQueue(queue string) Address { return Address{"q", queue} }

// Delay returns where to publish a message so that it leaves the ladder at most [LadderTick] plus
// [LadderLead] before the delay has passed. The second result is false where the delay is below
// [MinLadderDelay], and the message is to be published without the ladder. A delay longer than
// [MaxDelay] returns an error that is [ErrDelayTooLong].
func (n Names) Delay(delay time.Duration, to Address) (Hop, bool, error) {
	if delay > MaxDelay {
		return Hop{}, false, fmt.Errorf("%w: %s, at most %s (310 days)", ErrDelayTooLong, delay, MaxDelay)
	}
	if delay < MinLadderDelay {
		return Hop{}, false, nil
	}
	ticks := uint64((delay - LadderLead) / LadderTick)
	var key strings.Builder
	key.Grow(2*LadderDigits + 2 + len(to.name))
	top := 0
	for k := range LadderDigits {
		digit := byte(ticks >> (2 * k) & 3)
		if digit != 0 {
			top = k
		}
		key.WriteByte('0' + digit)
		key.WriteByte('.')
	}
	key.WriteString(to.mark)
	key.WriteByte('.')
	key.WriteString(to.name)
	return Hop{Exchange: n.LadderExchange(top), Key: key.String()}, true, nil
}

// OriginalKey takes the ladder's digits off a key that has come through it with [ToRoute]. The
// second result is false where the key is not of that form.
func OriginalKey(key string) (string, bool) { return behindDigits(key, "r.") }

// OriginalQueue takes the ladder's digits off a key that has come through it with [ToQueue]. The
// second result is false where the key is not of that form.
func OriginalQueue(key string) (string, bool) { return behindDigits(key, "q.") }

// behindDigits returns what stands in a ladder key behind the digits and a mark.
func behindDigits(key, mark string) (string, bool) {
	const front = 2 * LadderDigits
	if len(key) < front+len(mark) || key[front:front+len(mark)] != mark {
		return "", false
	}
	for i := 0; i < front; i += 2 {
		if key[i] < '0' || key[i] > '3' || key[i+1] != '.' {
			return "", false
		}
	}
	return key[front+len(mark):], true
}

// ladderTTL is how long the queue of one digit holds a message.
func ladderTTL(k, digit int) time.Duration {
	return time.Duration(digit) << (2 * k) * LadderTick
}

// ladder adds the exchanges, queues and bindings of the delay ladder.
func (t *Topology) ladder(n Names) {
	for k := range LadderDigits {
		exchange, below := n.LadderExchange(k), n.Delayed()
		if k > 0 {
			below = n.LadderExchange(k - 1)
		}
		t.Exchanges = append(t.Exchanges, Exchange{Name: exchange, Kind: Topic, Alternate: n.Unrouted()})
		before := strings.Repeat("*.", k)
		t.Bindings = append(t.Bindings, Binding{Source: exchange, Destination: below, ToExchange: true, Key: before + "0.#"})
		for digit := 1; digit <= 3; digit++ {
			name := n.LadderQueue(k, digit)
			t.Queues = append(t.Queues, Queue{Name: name, Role: RoleLadder, Type: Quorum, Arguments: Arguments{
				ArgQueueType:          string(Quorum),
				ArgMessageTTL:         ladderTTL(k, digit).Milliseconds(),
				ArgDeadLetterExchange: below,
				ArgDeadLetterStrategy: "at-least-once",
				ArgOverflow:           "reject-publish",
			}})
			t.Bindings = append(t.Bindings, Binding{
				Source: exchange, Destination: name, Key: fmt.Sprintf("%s%d.#", before, digit),
			})
		}
	}
}
