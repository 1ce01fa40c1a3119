package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/streams"
)

const (
	windowTime = time.Minute
	windowStep = 5 * time.Second
)

func recordOf(events ...Event) streams.Record {
	var r streams.Record
	for i := range events {
		r.Body = append(events[i].append(r.Body), '\n')
	}
	return r
}

// A window tells what counting all events anew would tell, however they come and time goes.
func TestWindowIsACount(t *testing.T) {
	t.Parallel()
	queues := []string{"a", "b", "elsewhere"}
	rapid.Check(t, func(t *rapid.T) {
		w := NewWindow(windowTime, windowStep, "a", "b")
		now := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
		var all []Event // as they count: not after the moment when they were taken
		for range rapid.IntRange(1, 40).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "passes")) * time.Millisecond)
			for range rapid.IntRange(0, 5).Draw(t, "events") {
				wait := Millis(rapid.IntRange(0, 1000).Draw(t, "wait"))
				e := Event{
					At:    now.Add(time.Duration(rapid.IntRange(-90_000, 10_000).Draw(t, "before")) * time.Millisecond),
					Event: rapid.SampledFrom([]Kind{Started, Succeeded, Retried, Dead, Snoozed, Gap, Paused}).Draw(t, "kind"),
					Queue: rapid.SampledFrom(queues).Draw(t, "queue"),
				}
				switch e.Event {
				case Gap:
					e.Queue, e.Count = "", 3
				default:
					e.Wait = &wait
				}
				w.Take(recordOf(e), now)
				if e.At.After(now) {
					e.At = now
				}
				all = append(all, e)
			}
			check(t, w, all, now)
		}
	})
}

// check compares the window with a count of all events that lie in it by the definition of its steps.
func check(t *rapid.T, w *Window, all []Event, now time.Time) {
	step := func(at time.Time) int64 { return at.UnixNano() / int64(windowStep) }
	first := step(now) - int64(windowTime/windowStep)
	for _, queue := range []string{"a", "b", "elsewhere"} {
		var want Sums
		within, older := 0, 0
		for _, e := range all {
			if e.Queue != queue || queue == "elsewhere" {
				continue
			}
			ended := e.Event == Succeeded || e.Event == Retried || e.Event == Dead
			if ended && e.At.After(now.Add(-windowTime)) {
				within++
			}
			if ended && e.At.After(now.Add(-windowTime-windowStep)) {
				older++
			}
			if step(e.At) < first {
				continue
			}
			switch e.Event {
			case Succeeded:
				want.Succeeded++
			case Retried:
				want.Retried++
			case Dead:
				want.Dead++
			}
			if ended || e.Event == Snoozed {
				want.waits++
				want.waitSum += float64(*e.Wait)
			}
		}
		got := w.Sums(queue, now)
		assert.Equal(t, want, got, queue)
		assert.GreaterOrEqual(t, got.Ended(), within, "all of the time is in it")
		assert.LessOrEqual(t, got.Ended(), older, "and not more than a step besides")
		var steps Sums
		each := w.Steps(queue, now)
		for i := range each {
			steps.Add(&each[i])
		}
		assert.Len(t, each, int(windowTime/windowStep)+1)
		assert.Equal(t, got, steps, "the steps are the whole")
	}
	gaps := 0
	for _, e := range all {
		if e.Event == Gap && step(e.At) >= first {
			gaps += e.Count
		}
	}
	assert.Equal(t, gaps, w.Gaps(now))
}

func TestWindowMeans(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	w := NewWindow(windowTime, windowStep, "a")
	s := w.Sums("a", now)
	_, known := s.MeanWait()
	assert.False(t, known)
	_, known = s.MeanDuration()
	assert.False(t, known)
	assert.Zero(t, w.Newest())

	century := Millis((100 * 365 * 24 * time.Hour).Milliseconds()) // many of them are more than an int64 of nanoseconds
	short, long := Millis(250), Millis(750)
	for range 10 {
		w.Take(recordOf(Event{At: now, Event: Retried, Queue: "a", Wait: &century, Duration: &short}), now)
		w.Take(recordOf(Event{At: now, Event: Dead, Queue: "a", Wait: &century, Duration: &long}), now)
	}
	w.Take(recordOf(Event{At: now, Event: Dead, Queue: "a"}), now) // expired: it had no turn
	s = w.Sums("a", now)
	assert.Equal(t, 21, s.Ended())
	assert.Equal(t, 21, s.Failed())
	wait, known := s.MeanWait()
	require.True(t, known)
	assert.InDelta(t, century.Duration().Seconds(), wait.Seconds(), 1)
	took, known := s.MeanDuration()
	require.True(t, known)
	assert.Equal(t, 500*time.Millisecond, took)
	assert.Equal(t, now, w.Newest())
	w.Reset()
	assert.Zero(t, w.Sums("a", now))
	assert.Zero(t, w.Newest())
}
