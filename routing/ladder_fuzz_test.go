package routing_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

// ladderForm is a ladder key, as docs/delays.md describes it.
var ladderForm = regexp.MustCompile(`(?s)^(?:[0-3]\.){14}([rq])\.(.*)$`)

// Whatever the delay and the name: the key's digits are the delay, no more than it, and a tick less at most; and
// whatever the key, what stands behind the digits is what the form says.
func FuzzLadder(f *testing.F) {
	for _, delay := range []time.Duration{
		-1, 0, routing.LadderTick, routing.MinLadderDelay - 1, routing.MinLadderDelay, time.Second, 5 * time.Second, time.Hour, 310 * 24 * time.Hour,
		routing.MaxDelay, routing.MaxDelay + 1, 1<<63 - 1, -1 << 63,
	} {
		f.Add(int64(delay), "email.welcome", false, "1.0.2.0.0.0.0.0.0.0.0.0.0.0.r.email.welcome")
	}
	zeros := strings.Repeat("0.", routing.LadderDigits)
	for _, key := range []string{"", "email", zeros, zeros + "r", zeros + "r.", zeros + "q.a.b", zeros + "x.a", "4." + zeros + "r.a", zeros + "r." + zeros + "q.a", zeros + "r.\n"} {
		f.Add(int64(time.Minute), key, true, key)
	}
	f.Fuzz(func(t *testing.T, nanoseconds int64, name string, toQueue bool, key string) {
		checkLadderKey(t, time.Duration(nanoseconds), name, toQueue)
		parts := ladderForm.FindStringSubmatch(key)
		original, isKey := routing.OriginalKey(key)
		queue, isQueue := routing.OriginalQueue(key)
		require.Equal(t, parts != nil && parts[1] == "r", isKey)
		require.Equal(t, parts != nil && parts[1] == "q", isQueue)
		if parts != nil {
			require.Equal(t, parts[2], original+queue)
		}
	})
}

func checkLadderKey(t *testing.T, delay time.Duration, name string, toQueue bool) {
	to := routing.ToRoute(name)
	if toQueue {
		to = routing.ToQueue(name)
	}
	hop, laddered, err := routing.Names{}.Delay(delay, to)
	switch {
	case delay > routing.MaxDelay:
		require.ErrorIs(t, err, routing.ErrDelayTooLong)
		return
	case delay < routing.MinLadderDelay:
		require.NoError(t, err)
		require.False(t, laddered)
		return
	}
	require.NoError(t, err)
	require.True(t, laddered)
	original, isKey := routing.OriginalKey(hop.Key)
	queue, isQueue := routing.OriginalQueue(hop.Key)
	require.Equal(t, []any{!toQueue, toQueue, name}, []any{isKey, isQueue, original + queue})

	words := strings.SplitN(hop.Key, ".", routing.LadderDigits+1)
	held, level, highest := time.Duration(0), routing.LadderTick, 0
	for k, word := range words[:routing.LadderDigits] {
		digit, err := strconv.Atoi(word)
		require.NoError(t, err)
		require.Less(t, digit, 4)
		if held += time.Duration(digit) * level; digit != 0 {
			highest = k
		}
		level *= 4
	}
	require.Equal(t, routing.Names{}.LadderExchange(highest), hop.Exchange, "it enters at the highest digit that is not 0")
	lead := delay - held
	require.True(t, routing.LadderLead <= lead && lead < routing.LadderLead+routing.LadderTick, "held for %s of %s", held, delay)
	require.LessOrEqual(t, len(hop.Key), len(name)+30)
}
