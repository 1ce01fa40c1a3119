package worker_test

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/middleware"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// WelcomeEmail is the payload of the task that greets a new user.
type WelcomeEmail struct {
	UserID int `json:"user_id"`
}

// Welcome is shared by those who enqueue the task and those who handle it.
var Welcome = tasks.Define[WelcomeEmail]("email.welcome")

// Image and Resized are the payload and the result of the task that makes an image smaller.
type (
	Image struct {
		URL string `json:"url"`
	}
	Resized struct {
		Height int `json:"height"`
	}
)

// Resize is a task that somebody waits for.
var Resize = tasks.DefineResult[Image, Resized]("image.resize")

var errNoSuchUser = errors.New("no such user")

// Two handlers with what may be set of them and of their queue, and many tasks for one of them.
func Example() {
	ctx := context.Background()
	client, err := broker.Connect(ctx, broker.Config{})
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()

	mux := tasks.NewMux()
	Welcome.Handle(mux, func(ctx context.Context, m WelcomeEmail) error {
		task, _ := tasks.FromContext(ctx)
		log.Printf("task %s, attempt %d: welcome, user %d", task.ID, task.Attempt, m.UserID)
		return nil
	}, tasks.Concurrency(2))

	limiter := rate.NewLimiter(rate.Every(time.Second), 1)
	call := tasks.HandlerFunc(func(context.Context, *tasks.Task) error { return errNoSuchUser })
	mux.Handle("email.api.#", tasks.Chain(call, middleware.RateLimit(limiter), middleware.Timeout(10*time.Second)))

	w, err := worker.New(client, worker.Config{Queues: []worker.Queue{{
		Name: "email", Routes: []string{"email.#"}, Mux: mux,
		Concurrency: 10, RateLimit: 50, RateBurst: 10, Timeout: 30 * time.Second,
		Middleware: []tasks.Middleware{middleware.Logging(slog.Default()), middleware.Recover(slog.Default())},
		Retry: tasks.RetryPolicy{
			MaxAttempts: 8, Backoff: tasks.Linear, Initial: 5 * time.Second, Max: time.Minute,
			ShouldRetry: func(err error, _ int) tasks.Verdict {
				if errors.Is(err, errNoSuchUser) {
					return tasks.RetryNo
				}
				return tasks.RetryDefault
			},
		},
	}}})
	if err != nil {
		log.Print(err)
		return
	}
	go func() {
		mails := []WelcomeEmail{{UserID: 7}, {UserID: 8}}
		for i, o := range Welcome.EnqueueMany(ctx, client, mails, tasks.Priority(2), tasks.ExpiresIn(time.Hour)) {
			if o.Err != nil { // broker.ErrUnconfirmed alone leaves open whether it arrived
				log.Printf("mail %d, task %s: %v", i, o.ID, o.Err)
			}
		}
	}()
	if err := w.Run(ctx); err != nil {
		log.Print(err)
	}
}

// A task whose result is waited for, and its progress watched.
func Example_results() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := broker.Connect(ctx, broker.Config{})
	if err != nil {
		log.Print(err)
		return
	}
	defer client.Close()

	mux := tasks.NewMux() // a worker's
	Resize.Handle(mux, func(ctx context.Context, _ Image) (Resized, error) {
		tasks.Progress(ctx, 40, "decoded")
		return Resized{Height: 480}, nil
	})

	resized, err := Resize.EnqueueAndWait(ctx, client, Image{URL: "https://example.com/a.png"},
		tasks.Priority(7), tasks.OnProgress(func(e tasks.ProgressEvent) { log.Print(e.Percent, e.Note) }))
	var remote *tasks.RemoteError
	switch {
	case errors.As(err, &remote):
		log.Printf("task %s is dead: %s", remote.ID, remote.Reason)
	case err != nil: // the time was over, or the reply was lost: the task may still run
		log.Print(err)
	default:
		log.Print(resized.Height)
	}
}
