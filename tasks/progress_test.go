package tasks_test

import (
	"context"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

// told runs a handler and returns what of its progress went out, and when.
func told(t *testing.T, h func(ctx context.Context) error) (events []tasks.ProgressEvent, after []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error { return h(ctx) }))
		e.Progress = func(task *tasks.Task, event tasks.ProgressEvent) {
			assert.Equal(t, "my-id", task.ID)
			events, after = append(events, event), append(after, time.Since(began))
			if event.Note == "panics" {
				panic("no luck")
			}
		}
		e.Execute(t.Context(), &tasks.Task{ID: "my-id"})
		synctest.Wait()
	})
	return events, after
}

func TestProgressIsThrottledAndTheNewestWins(t *testing.T) {
	t.Parallel()
	events, after := told(t, func(ctx context.Context) error {
		for percent := range 10 { // 810 ms in all
			tasks.Progress(ctx, float64(percent), "")
			<-time.After(90 * time.Millisecond)
		}
		<-time.After(time.Hour)
		tasks.Progress(ctx, 99, "nearly")
		tasks.Progress(ctx, 100, "done")
		return errBoom
	})
	assert.Equal(t, []tasks.ProgressEvent{{Percent: 0}, {Percent: 5}, {Percent: 9}, {Percent: 99, Note: "nearly"}, {Percent: 100, Note: "done"}}, events)
	const hour = time.Hour + 900*time.Millisecond
	assert.Equal(t, []time.Duration{0, 500 * time.Millisecond, time.Second, hour, hour}, after)
}

func TestProgressWithinItsBounds(t *testing.T) {
	t.Parallel()
	percents := map[float64]float64{-1: 0, math.Inf(-1): 0, 0.5: 0.5, 101: 100, math.Inf(1): 100}
	for given, want := range percents {
		events, _ := told(t, func(ctx context.Context) error {
			tasks.Progress(ctx, given, strings.Repeat("é", 1000)+"\xff")
			return nil
		})
		if assert.Len(t, events, 1) {
			assert.InDelta(t, want, events[0].Percent, 0)
			assert.LessOrEqual(t, len(events[0].Note), tasks.MaxNoteBytes)
			assert.Contains(t, events[0].Note, "é … é")
		}
	}
	events, _ := told(t, func(ctx context.Context) error {
		tasks.Progress(ctx, math.NaN(), "no number")
		return nil
	})
	assert.Empty(t, events)
}

func TestProgressGoesThroughMiddleware(t *testing.T) {
	t.Parallel()
	calls := 0
	through := func(mark string) func(tasks.ProgressEvent) tasks.ProgressEvent {
		return func(e tasks.ProgressEvent) tasks.ProgressEvent {
			calls++
			e.Note += mark
			return e
		}
	}
	events, _ := told(t, func(ctx context.Context) error {
		ctx = tasks.ContextWithProgress(ctx, through(" outer"))
		ctx = tasks.ContextWithProgress(ctx, through(" inner"))
		tasks.Progress(ctx, 1, "first")
		tasks.Progress(ctx, 2, "lost")
		tasks.Progress(ctx, 3, "last")
		return nil
	})
	assert.Equal(t, []tasks.ProgressEvent{{Percent: 1, Note: "first inner outer"}, {Percent: 3, Note: "last inner outer"}}, events)
	assert.Equal(t, 4, calls, "only what goes out is changed")
}

func TestProgressThatPanicsHarmsNobody(t *testing.T) {
	t.Parallel()
	events, _ := told(t, func(ctx context.Context) error {
		tasks.Progress(ctx, 1, "panics")
		tasks.Progress(ctx, 2, "panics") // in the timer's goroutine
		<-time.After(time.Second)
		tasks.Progress(tasks.ContextWithProgress(ctx, func(tasks.ProgressEvent) tasks.ProgressEvent { panic("sealed") }), 3, "")
		return nil
	})
	assert.Len(t, events, 2)
}

func TestProgressOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	tasks.Progress(t.Context(), 50, "")
	tasks.Progress(tasks.ContextWithTask(t.Context(), &tasks.Task{}), 50, "")
	var kept context.Context
	events, _ := told(t, func(ctx context.Context) error {
		kept = ctx
		return nil
	})
	tasks.Progress(kept, 50, "too late")
	assert.Empty(t, events)
	executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		tasks.Progress(ctx, 50, "nobody listens")
		return nil
	})).Execute(t.Context(), &tasks.Task{})
}

// A handler that ends its goroutine leaves no timer, and what it told last is not lost.
func TestProgressOfAHandlerThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	var last tasks.ProgressEvent
	e := executor(tasks.HandlerFunc(func(ctx context.Context, _ *tasks.Task) error {
		tasks.Progress(ctx, 1, "")
		tasks.Progress(ctx, 2, "")
		runtime.Goexit()
		return nil
	}))
	e.Progress = func(_ *tasks.Task, event tasks.ProgressEvent) { last = event }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Execute(t.Context(), &tasks.Task{})
	}()
	<-ended
	assert.InDelta(t, 2, last.Percent, 0)
}
