package deadletter_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

func TestGroups(t *testing.T) {
	var g deadletter.Groups
	assert.Empty(t, g.List())
	for i, r := range []deadletter.Record{
		{ID: "1", Key: "email.welcome", Queue: "email", Reason: tasks.ReasonPermanent, Error: "no user 7", FailedAt: failedAt.Add(time.Minute)},
		{ID: "2", Key: "email.welcome", Queue: "email", Reason: tasks.ReasonAttemptsExhausted, Error: "dial tcp 10.0.0.1:25: refused"},
		{ID: "3", Key: "email.bye.eu", Queue: "email", Reason: tasks.ReasonPermanent, Error: "no user 17", FailedAt: failedAt},
		{ID: "4", Key: "email.bye", Queue: "email", Reason: tasks.ReasonPermanent, Error: "no user 18", FailedAt: failedAt.Add(time.Second)},
		{Key: "email.bye", Queue: "bulk", Reason: tasks.ReasonPermanent, Error: "no user 18", FailedAt: failedAt},
		{Key: "nobody.wants"},
	} {
		g.Add(&r)
		assert.Len(t, g.List(), []int{1, 2, 2, 2, 3, 4}[i])
	}
	assert.Equal(t, []deadletter.Group{
		{Count: 3, Queue: "email", Reason: tasks.ReasonPermanent, Error: "no user <n>", Keys: "email.#", First: failedAt,
			Last: failedAt.Add(time.Minute), Example: "1", ExampleError: "no user 7"},
		{Count: 1, Queue: "bulk", Reason: tasks.ReasonPermanent, Error: "no user <n>", Keys: "email.bye", First: failedAt, Last: failedAt,
			ExampleError: "no user 18"},
		{Count: 1, Keys: "nobody.wants"},
		{Count: 1, Queue: "email", Reason: tasks.ReasonAttemptsExhausted, Error: "dial tcp <addr>: refused", Keys: "email.welcome", Example: "2",
			ExampleError: "dial tcp 10.0.0.1:25: refused"},
	}, g.List())
	line, err := json.Marshal(g.List()[2])
	require.NoError(t, err)
	assert.JSONEq(t, `{"count":1,"queue":"","reason":"","error":"","keys":"nobody.wants","example":""}`, string(line))
}

// Whatever the letters are, each is counted once, and no two groups are the same.
func TestGroupsCountEachLetterOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g deadletter.Groups
		n := rapid.IntRange(0, 50).Draw(t, "letters")
		for range n {
			g.Add(&deadletter.Record{
				Key:      rapid.SampledFrom([]string{"a", "a.b", "a.c", ""}).Draw(t, "key"),
				Queue:    rapid.SampledFrom([]string{"a", "b"}).Draw(t, "queue"),
				Error:    rapid.SampledFrom([]string{"user 7", "user 8", "refused"}).Draw(t, "error"),
				Reason:   rapid.SampledFrom([]tasks.Reason{"", tasks.ReasonPermanent}).Draw(t, "reason"),
				FailedAt: failedAt.Add(time.Duration(rapid.Int8().Draw(t, "at"))),
			})
		}
		seen, count := map[string]bool{}, 0
		for i, group := range g.List() {
			count += group.Count
			name := fmt.Sprint(group.Queue, "|", group.Reason, "|", group.Error)
			require.False(t, seen[name])
			seen[name] = true
			require.False(t, group.Last.Before(group.First))
			if i > 0 {
				require.GreaterOrEqual(t, g.List()[i-1].Count, group.Count)
			}
		}
		require.Equal(t, n, count)
	})
}

// However many kinds of errors there are, memory holds MaxGroups of them.
func TestGroupsAreBounded(t *testing.T) {
	var g deadletter.Groups
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	long := strings.Repeat("é", 1000)
	word := strings.NewReplacer("0", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9", "j")
	for i := range 20_000 {
		g.Add(&deadletter.Record{ID: fmt.Sprint(i), Key: "a.b", Error: word.Replace(fmt.Sprint(i)) + long, FailedAt: failedAt})
	}
	assert.Less(t, heap()-before, uint64(8<<20))
	list := g.List()
	require.Len(t, list, deadletter.MaxGroups+1)
	assert.Equal(t, deadletter.Group{Count: 19_000, Keys: "a.b", First: failedAt, Last: failedAt, Others: true}, list[deadletter.MaxGroups])
	assert.Equal(t, 1, list[0].Count)
}

func BenchmarkGroups(b *testing.B) {
	var g deadletter.Groups
	i := 0
	for b.Loop() {
		i++
		g.Add(&deadletter.Record{
			ID: "01a20294-28ba-7eb6-aa3f-826f8415d164", Key: "email.welcome.eu", Queue: "email", Reason: tasks.ReasonAttemptsExhausted,
			Error: fmt.Sprintf("dial tcp 10.0.0.1:%d: connect: connection refused", i), FailedAt: failedAt,
		})
	}
}
