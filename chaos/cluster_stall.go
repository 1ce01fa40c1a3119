package main

import (
	"fmt"
	"slices"
	"time"
)

const (
	// stallFrom is the shortest time without anything that is listed, stallLimit the longest that may be.
	stallFrom  = time.Second
	stallLimit = 15 * time.Second
)

// stall is a time in which something did not go on that was due all the while.
type stall struct {
	what string // that did not go on
	span
}

func (s stall) length() time.Duration { return s.to.Sub(s.from) }

// stallsOf finds the stalls of something that was to go on from one moment to another, in the moments, in
// any order, in which it did.
func stallsOf(what string, moments []time.Time, within span) []stall {
	moments = slices.Concat(moments, []time.Time{within.from, within.to})
	slices.SortFunc(moments, time.Time.Compare)
	var all []stall
	for i := 1; i < len(moments); i++ {
		between := span{moments[i-1], moments[i]}
		if within.contains(between.from) && within.contains(between.to) && between.to.Sub(between.from) >= stallFrom {
			all = append(all, stall{what, between})
		}
	}
	return all
}

// byBegin sorts stalls by their begin.
func byBegin(all []stall) {
	slices.SortStableFunc(all, func(a, b stall) int { return a.from.Compare(b.from) })
}

// longest returns the longest of some stalls, 0 of none.
func longest(all []stall) time.Duration {
	var most time.Duration
	for _, s := range all {
		most = max(most, s.length())
	}
	return most
}

// publishStalls finds the times in which a publisher got no confirm for a queue: another queue of the same
// publisher, or another publisher, may well have gone on. Delayed tasks are confirmed by the delay ladder.
func publishStalls(all []*sent, within span) []stall {
	type way struct{ publisher, queue int }
	moments := map[way][]time.Time{}
	for publisher := range loadPublishers {
		for queue := range loadQueues {
			moments[way{publisher, queue}] = nil
		}
	}
	for _, s := range all {
		if !s.confirmed.IsZero() && s.delay == 0 {
			w := way{s.publisher, s.queue}
			moments[w] = append(moments[w], s.confirmed)
		}
	}
	var stalls []stall
	for w, m := range moments {
		stalls = append(stalls, stallsOf(fmt.Sprintf("publisher %d, %s", w.publisher+1, loadQueue(w.queue)), m, within)...)
	}
	byBegin(stalls)
	return stalls
}

// runStalls finds the times in which no run of a queue's tasks began, and those in which a worker began none.
func runStalls(all []*run, queueOf map[string]int, within span) (queues, workers []stall) {
	byQueue, byWorker := make([][]time.Time, loadQueues), map[string][]time.Time{}
	for _, r := range all {
		if queue, known := queueOf[r.id]; known {
			byQueue[queue] = append(byQueue[queue], r.started)
		}
		byWorker[r.process] = append(byWorker[r.process], r.started)
	}
	for i, m := range byQueue {
		queues = append(queues, stallsOf("queue "+loadQueue(i), m, within)...)
	}
	for process, m := range byWorker {
		workers = append(workers, stallsOf(process, m, within)...)
	}
	byBegin(queues)
	byBegin(workers)
	return queues, workers
}
