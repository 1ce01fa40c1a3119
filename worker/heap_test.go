package worker

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// Whatever is pushed and deleted, pop gives what is left in order.
func TestHeapProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h heap
		var left []entry
		for i, rank := range rapid.SliceOf(rapid.Int64Range(-3, 3)).Draw(t, "ranks") {
			e := entry{rank: rank, arrival: uint64(i), item: &item{}}
			h.push(e)
			left = append(left, e)
		}
		doomed := rapid.SliceOfN(rapid.Bool(), len(left), len(left)).Draw(t, "doomed")
		del := func(e entry) bool { return doomed[e.arrival] }
		h.deleteFunc(del)
		left = slices.DeleteFunc(left, del)
		slices.SortFunc(left, entry.compare)
		assert.ElementsMatch(t, heap(left).items(), h.items())
		for _, e := range left {
			if got := h.pop(); got != e.item {
				t.Fatalf("%p was popped before %p", got, e.item)
			}
		}
		assert.Empty(t, h)
	})
}
