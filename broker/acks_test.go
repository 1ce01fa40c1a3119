package broker

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ackedBroker is the broker's side of a channel: which tags are outstanding, and what became of the
// others.
type ackedBroker struct {
	t           require.TestingT
	outstanding map[uint64]bool
	acked       map[uint64]bool
}

// take applies frames as RabbitMQ does: a tag that is not outstanding closes the channel.
func (a *ackedBroker) take(frames []ackFrame) {
	for _, frame := range frames {
		require.True(a.t, a.outstanding[frame.tag], "406 PRECONDITION_FAILED - unknown delivery tag %d", frame.tag)
		lowest := frame.tag
		if frame.multiple {
			lowest = 1
		}
		for tag := lowest; tag <= frame.tag; tag++ {
			if a.outstanding[tag] {
				delete(a.outstanding, tag)
				a.acked[tag] = true
			}
		}
	}
}

func TestAckBookAgreesWithTheBroker(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newAckBook()
		broker := ackedBroker{t, map[uint64]bool{}, map[uint64]bool{}}
		var next uint64 = 1
		unfinished := map[uint64]bool{}
		finished, requeued := map[uint64]bool{}, map[uint64]bool{}
		one := func(t *rapid.T) (tag uint64, found bool) {
			if len(unfinished) == 0 {
				return 0, false
			}
			return rapid.SampledFrom(slices.Sorted(maps.Keys(unfinished))).Draw(t, "tag"), true
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "count") {
					require.True(t, b.deliver(next))
					broker.outstanding[next], unfinished[next] = true, true
					next++
				}
			},
			"deliver out of order": func(t *rapid.T) {
				tag := rapid.Uint64Range(0, 2*next).Draw(t, "tag")
				if tag != next {
					require.False(t, b.deliver(tag))
				}
			},
			"finish": func(t *rapid.T) {
				tag, found := one(t)
				if !found {
					return
				}
				require.True(t, b.finish(tag))
				delete(unfinished, tag)
				finished[tag] = true
			},
			"finish the oldest": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "count") {
					if len(unfinished) == 0 {
						return
					}
					tag := slices.Min(slices.Collect(maps.Keys(unfinished)))
					require.True(t, b.finish(tag))
					delete(unfinished, tag)
					finished[tag] = true
				}
			},
			"requeue": func(t *rapid.T) {
				tag, found := one(t)
				if !found {
					return
				}
				require.True(t, b.answer(tag))
				delete(unfinished, tag)
				delete(broker.outstanding, tag)
				requeued[tag] = true
			},
			"answer once more": func(t *rapid.T) {
				tag := rapid.Uint64Range(0, next+1).Draw(t, "tag")
				if !unfinished[tag] {
					require.False(t, b.finish(tag))
					require.False(t, b.answer(tag))
				}
			},
			"flush": func(t *rapid.T) {
				frames := b.flush()
				broker.take(frames)
				require.Equal(t, finished, broker.acked, "exactly what is finished is acked")
				require.Equal(t, unfinished, broker.outstanding)
				require.Empty(t, b.flush(), "once")
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(broker.outstanding), b.unacked)
				require.Len(t, b.finished, len(finished)-len(broker.acked))
			},
		})
	})
}

func TestAckBookFrames(t *testing.T) {
	t.Parallel()
	b := newAckBook()
	for tag := range uint64(100) {
		require.True(t, b.deliver(tag+1))
	}
	for tag := uint64(100); tag > 1; tag -= 2 {
		require.True(t, b.finish(tag))
	}
	frames := slices.Clone(b.flush())
	require.Len(t, frames, 50, "behind a slow head each is acked by itself")
	assert.NotContains(t, frames, ackFrame{tag: 2, multiple: true})

	for tag := uint64(1); tag < 99; tag += 2 {
		require.True(t, b.finish(tag))
	}
	assert.Equal(t, []ackFrame{{tag: 97, multiple: true}}, b.flush(), "98 was acked before: the broker knows it no more")
	require.True(t, b.answer(99))
	assert.Empty(t, b.flush())
	assert.Equal(t, b.next, b.base)
	assert.Len(t, b.states, 128, "the ring is as long as there were tags open at a time")
}

func TestFlushDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		window, unacked, finished int
		want                      bool
	}{
		{window: 1, unacked: 1, finished: 1, want: true},
		{window: 10, unacked: 5, finished: 1, want: false},
		{window: 10, unacked: 5, finished: 2, want: true},
		{window: 10, unacked: 10, finished: 1, want: true},
		{window: 10, unacked: 10, finished: 0, want: false},
		{window: 1000, unacked: 999, finished: 249, want: false},
		{window: 1000, unacked: 999, finished: 250, want: true},
		{window: 1000, unacked: 1000, finished: 14, want: false},
		{window: 1000, unacked: 1000, finished: 15, want: true},
		{window: 1000, unacked: 1500, finished: 15, want: true}, // after the prefetch was lowered
	} {
		assert.Equal(t, c.want, flushDue(c.window, c.unacked, c.finished), "%+v", c)
	}
}

func BenchmarkAckBook(b *testing.B) {
	book := newAckBook()
	var tag uint64
	for b.Loop() {
		tag++
		book.deliver(tag)
		book.finish(tag)
		if tag%50 == 0 {
			book.flush()
		}
	}
}
