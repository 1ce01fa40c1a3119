//go:build integration

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A task of a high priority that is published while the one slot is taken and the window is full of
// low ones starts after at most one more of them.
func TestPriorityOvertakesWhatIsPrefetched(t *testing.T) {
	t.Parallel()
	for name, prefetch := range map[string]int{"adaptive": 0, "a window of 50": 50, "all in the window": 600} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			const low = 500
			began, finish := make(chan string, low+1), make(chan struct{})
			defer close(finish)
			f.run(worker.Config{Queues: []worker.Queue{{
				Name: "ranked", Routes: []string{"ranked.#"}, Concurrency: 1, Prefetch: prefetch,
				Mux: handle("#", func(_ context.Context, task *tasks.Task) error { began <- task.Key; <-finish; return nil }),
			}}})
			for range low {
				f.enqueue(tasks.Task{Key: "ranked.low", Priority: 2})
			}
			assert.Equal(t, "ranked.low", receive(t, began, "the first"))
			window := prefetch
			if prefetch == 0 {
				window = 2
			}
			full := min(window, low) - 1 // one runs
			f.eventually(func() bool { return f.worker.Waiting() == full }, "the window is full")
			f.enqueue(tasks.Task{Key: "ranked.high", Priority: 8})
			if window > low { // there is place for it
				f.eventually(func() bool { return f.worker.Waiting() == full+1 }, "the worker has all")
				finish <- struct{}{}
				assert.Equal(t, "ranked.high", receive(t, began, "the second"))
				return
			}
			finish <- struct{}{}
			if receive(t, began, "the second") == "ranked.high" {
				return // the place in the window was given to it before the worker chose the next
			}
			f.eventually(func() bool { return f.worker.Waiting() == full }, "the place in the window was given to the high one")
			finish <- struct{}{}
			assert.Equal(t, "ranked.high", receive(t, began, "the third"))
		})
	}
}

// Delays and retries keep the priority.
func TestPriorityIsKept(t *testing.T) {
	t.Parallel()
	f := setup(t)
	starts := make(chan int, 10)
	f.run(worker.Config{Queues: []worker.Queue{{
		Name: "kept", Routes: []string{"kept.#"}, Retry: soon,
		Mux: handle("#", func(_ context.Context, task *tasks.Task) error {
			starts <- task.Priority
			if task.Attempt == 1 {
				return tasks.RetryAfter(300*time.Millisecond, errors.New("once more, by the ladder"))
			}
			return nil
		}),
	}}})
	f.enqueue(tasks.Task{Key: "kept.x", Priority: 7, NotBefore: time.Now().Add(300 * time.Millisecond)})
	assert.Equal(t, 7, receive(t, starts, "the first start"))
	assert.Equal(t, 7, receive(t, starts, "the second start"))
}

// Two workers share twenty tasks: neither takes so many that the other has nothing to do.
func TestTasksAreNotHoarded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const workers, count = 2, 20
	began, finish := make(chan string, count), make(chan struct{}, count)
	queue := func(name string) worker.Queue {
		return worker.Queue{
			Name: "shared", Routes: []string{"shared.#"}, Concurrency: 1,
			Mux: handle("#", func(context.Context, *tasks.Task) error { began <- name; <-finish; return nil }),
		}
	}
	for i := range workers {
		f.run(worker.Config{Queues: []worker.Queue{queue(fmt.Sprint(i))}})
	}
	for range count {
		f.enqueue(tasks.Task{Key: "shared.x"})
	}
	held := 2 * workers // one runs, one waits
	for done := 0; done < count; done += workers {
		assert.NotEqual(t, receive(t, began, "one worker"), receive(t, began, "the other"), "both are busy, %d done", done)
		f.eventually(func() bool { return f.depth("shared") == max(count-held-done, 0) }, "each has one in hand")
		for range workers {
			finish <- struct{}{}
		}
	}
}
