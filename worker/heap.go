package worker

import (
	"cmp"
	"slices"
)

// entry is an item and its place in a heap: by rank, the lowest first, then by arrival.
type entry struct {
	rank    int64
	arrival uint64
	item    *item
}

func (e entry) before(o entry) bool {
	if e.rank != o.rank {
		return e.rank < o.rank
	}
	return e.arrival < o.arrival
}

func (e entry) compare(o entry) int {
	return cmp.Or(cmp.Compare(e.rank, o.rank), cmp.Compare(e.arrival, o.arrival))
}

// heap is a binary heap of entries: the one before all others is the first. It stands in for
// container/heap, whose calls through an interface make a push and a take about a third slower.
type heap []entry

func (h *heap) push(e entry) {
	*h = append(*h, e)
	entries := *h
	at := len(entries) - 1
	for at > 0 {
		parent := (at - 1) / 2
		if !e.before(entries[parent]) {
			break
		}
		entries[at] = entries[parent]
		at = parent
	}
	entries[at] = e
}

// pop takes out the first. There must be one.
func (h *heap) pop() *item {
	entries := *h
	first, last := entries[0].item, len(entries)-1
	entries[0], entries[last] = entries[last], entry{} // the item is not kept from the collector
	*h = entries[:last]
	if last > 0 {
		h.sink(0)
	}
	return first
}

// sink moves an entry down until none below it comes before it.
func (h heap) sink(at int) {
	e := h[at]
	for {
		child := 2*at + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].before(h[child]) {
			child = right
		}
		if !h[child].before(e) {
			break
		}
		h[at] = h[child]
		at = child
	}
	h[at] = e
}

// deleteFunc takes out the entries for which del returns true, and asks it once of each.
func (h *heap) deleteFunc(del func(entry) bool) {
	before := len(*h)
	*h = slices.DeleteFunc(*h, del)
	if len(*h) == before {
		return
	}
	for at := len(*h)/2 - 1; at >= 0; at-- {
		h.sink(at)
	}
}

// items returns the items in no order.
func (h heap) items() []*item {
	items := make([]*item, len(h))
	for i, e := range h {
		items[i] = e.item
	}
	return items
}
