package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// The keys of a soak's tasks.
const (
	errandKey = "chaos.errand"
	tickKey   = "chaos.tick"
)

// errandPad makes a payload some 256 bytes, as many as a task of make bench has.
var errandPad = strings.Repeat("x", 230)

// errand is a soak's task, by its number. What there is to happen to it follows from that.
type errand struct {
	Number int    `json:"n"`
	Pad    string `json:"pad"`
}

// longestDelay is the longest that an errand is delayed for.
const longestDelay = 30 * time.Second

// delay is what one in fifty is delayed for: a second to longestDelay.
func (e errand) delay() time.Duration {
	if e.Number%50 != 20 {
		return 0
	}
	return time.Duration(1+e.Number/50%30) * time.Second
}

// failsOnce is true for one in a hundred.
func (e errand) failsOnce() bool { return e.Number%100 == 10 }

// waited is true for one in two hundred: somebody waits for its result, its number.
func (e errand) waited() bool { return e.Number%200 == 5 }

// task is the errand as it is published.
func (e errand) task(now time.Time) (tasks.Task, error) {
	e.Pad = errandPad
	body, err := json.Marshal(e)
	if err != nil {
		return tasks.Task{}, err
	}
	t := tasks.Task{Key: errandKey, Payload: body}
	if d := e.delay(); d > 0 {
		t.NotBefore = now.Add(d)
	}
	return t, nil
}

// tally is the numbers of the errands that a worker has done. Its size does not change, so that it does not look like
// a leak.
type tally struct {
	mu   sync.Mutex
	bits []byte
	kept tallied
}

// tallied is what a worker leaves when it ends.
type tallied struct {
	Done  []byte // a bit for each errand
	Runs  int    // of errands that succeeded
	Ticks int
}

// newTally returns a tally of so many errands, whose memory is all in use.
func newTally(errands int) *tally {
	t := &tally{bits: make([]byte, errands/8+1)}
	for i := range t.bits {
		t.bits[i] = 0xFF
	}
	clear(t.bits)
	return t
}

var errNoErrand = errors.New("no errand of this soak")

// add notes a run that succeeded.
func (t *tally) add(number int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if number < 0 || number/8 >= len(t.bits) {
		return fmt.Errorf("%w: number %d", errNoErrand, number)
	}
	t.bits[number/8] |= 1 << (number % 8)
	t.kept.Runs++
	return nil
}

func (t *tally) tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Ticks++
}

// write leaves the tally in a file.
func (t *tally) write(path string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept.Done = t.bits
	return writeJSON(path, t.kept)
}

// join returns what several workers have done together, and how many errands that is.
func join(all []tallied) (sum tallied, done int) {
	for _, one := range all {
		sum.Runs += one.Runs
		sum.Ticks += one.Ticks
		if len(sum.Done) < len(one.Done) {
			sum.Done = append(sum.Done, make([]byte, len(one.Done)-len(sum.Done))...)
		}
		for i, b := range one.Done {
			sum.Done[i] |= b
		}
	}
	for _, b := range sum.Done {
		done += bits.OnesCount8(b)
	}
	return sum, done
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
