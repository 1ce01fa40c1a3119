package encryption

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/warrenmq/warren/tasks"
)

// Config is how encrypted tasks are run.
type Config struct {
	// Required refuses tasks that are not encrypted, with an error that is tasks.ErrUndecryptable: who
	// does not have the key cannot have a task run. Defaults to running them as they are.
	Required bool
	// Log takes the stacks of panics. Defaults to slog.Default().
	Log *slog.Logger
}

// Middleware decrypts each task that is encrypted for its handler, which sees the task as it was
// enqueued. A task that cannot be decrypted is not run: the error is tasks.ErrUndecryptable, and the
// task a dead letter. The delivery's own message is not touched, so that what is published again is
// the ciphertext.
//
// What the handler of an encrypted task answers is encrypted in turn, with the task's key: its result,
// the notes of its progress, the text of its error, which errors.Is and errors.As see through, and the
// value of its panic, which only the error tells (tasks.ErrPanic); the log has the stack. So it stands inside of whatever logs or keeps
// errors, such as middleware.Logging, and what stands inside of it sees everything in clear.
func Middleware(keys *Keyset, config Config) tasks.Middleware {
	if config.Log == nil {
		config.Log = slog.Default()
	}
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
			switch {
			case t.KeyID == "" && config.Required:
				return fmt.Errorf("%w: it is not encrypted, and only encrypted tasks are run here", tasks.ErrUndecryptable)
			case t.KeyID == "":
				return next.HandleTask(ctx, t)
			}
			opened, err := keys.Open(t)
			if err != nil {
				return err
			}
			errorTexts, _ := keys.texts(t, purposeError)
			notes, _ := keys.texts(t, purposeProgress)
			ctx = tasks.ContextWithProgress(tasks.ContextWithTask(ctx, &opened), func(e tasks.ProgressEvent) tasks.ProgressEvent {
				if e.Note != "" {
					e.Note = notes.seal(e.Note, maxSealedNoteBytes)
				}
				return e
			})
			text, err := run(ctx, next, &opened, config.Log)
			if err != nil {
				return newSealedError(err, text, errorTexts)
			}
			if result, given := tasks.ResultFrom(ctx); given {
				tasks.SetResult(ctx, keys.sealResult(t, result))
			}
			return nil
		})
	}
}

// run runs a handler and returns its error, and the text of that. A panic is one; its value is in the
// text alone. So is a panic of the error itself when it is asked for its text.
func run(ctx context.Context, next tasks.Handler, t *tasks.Task, log *slog.Logger) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			log.ErrorContext(ctx, "handler of an encrypted task panicked, its value is in the task's error",
				"id", t.ID, "key", t.Key, "queue", t.Queue, "attempt", t.Attempt, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", tasks.ErrPanic, r)
			text = err.Error()
		}
	}()
	err = next.HandleTask(ctx, t)
	if err != nil {
		text = err.Error()
	}
	return text, err
}
