package lease

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever goes wrong there are never two leaders, and all who know the state know the same; and when
// nothing goes wrong any more there soon is a leader, who stays.
func TestElectionModel(t *testing.T) {
	t.Parallel()
	for part := range 4 { // of 100 worlds each, by default
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, live)
		})
	}
}

// live is one world's life.
func live(t *rapid.T) {
	w := newWorld(t)
	for range 300 {
		w.act()
		w.check()
	}
	w.heal()
	w.fair(0)
	known := false
	for _, p := range w.processes {
		known = known || p.election.state.known
	}
	if !known {
		return // what proved it was trimmed, and nobody is left who knew: the log tells what to do
	}
	const soon = 8 * time.Second // lease, margin, the interval, two leases for who has stepped down, and clocks that are slow
	for since := w.now; w.now-since < soon; {
		w.fair(10 * time.Millisecond)
		w.check()
	}
	leader := w.leader()
	if leader == nil {
		t.Fatalf("nobody leads, %s after the last fault", soon)
	}
	term := leader.election.mine.term
	for range 500 {
		w.fair(10 * time.Millisecond)
		w.check()
		if !leader.election.leads(leader.peek()) || leader.election.mine.term != term {
			t.Fatalf("%s leads no more, though nothing goes wrong: %v", leader.election.holder, leader.election.ended)
		}
	}
}
