package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func seconds(from, to float64) span { return span{at(from), at(to)} }

func TestStalls(t *testing.T) {
	for name, one := range map[string]struct {
		moments []float64
		want    []span
	}{
		"none":             {[]float64{0.5, 1, 1.9, 2.8, 3.5}, nil},
		"one, in disorder": {[]float64{3.5, 0.5, 1, 2.9, 1.5}, []span{seconds(1.5, 2.9)}},
		"at both ends":     {[]float64{1, 1.5, 2, 2.5}, []span{seconds(0, 1), seconds(2.5, 4)}},
		"nothing at all":   {nil, []span{seconds(0, 4)}},
		"outside":          {[]float64{-3, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 9}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var moments []time.Time
			for _, m := range one.moments {
				moments = append(moments, at(m))
			}
			var got []span
			for _, s := range stallsOf("it", moments, seconds(0, 4)) {
				got = append(got, s.span)
			}
			assert.Equal(t, one.want, got)
		})
	}
}

// A publisher, a queue and a worker each have stalls of their own, though the others go on.
func TestStallsOfEach(t *testing.T) {
	within := seconds(0, 6)
	var all []*sent
	var runs []*run
	queueOf := map[string]int{}
	for i := range 240 {
		s := &sent{load: newLoad(7, i), due: at(float64(i) / 40)}
		s.confirmed = s.due
		if s.publisher == 1 && i >= 80 && i < 160 {
			s.confirmed = at(4)
		}
		all = append(all, s)
		queueOf[s.id] = s.queue
		process := "worker-1.1"
		if i < 120 {
			process = "worker-2.1"
		}
		if s.queue != 2 || i < 140 {
			runs = append(runs, &run{id: s.id, process: process, started: s.due})
		}
	}
	publishing := publishStalls(all, within)
	if assert.Len(t, publishing, loadQueues) {
		for _, s := range publishing {
			assert.Contains(t, s.what, "publisher 2, load-")
		}
	}
	queues, workers := runStalls(runs, queueOf, within)
	if assert.Len(t, queues, 1) {
		assert.Equal(t, "queue load-3", queues[0].what)
		assert.Greater(t, longest(queues), 2*time.Second)
	}
	assert.Len(t, workers, 2, "the one was idle at first and the other at last")
}
