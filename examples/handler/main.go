// Command handler is a first Go handler: `handler` runs what comes, until Ctrl-C; `handler enqueue`
// enqueues a task. README.md shows it.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// WelcomeEmail is the payload; it travels as JSON.
type WelcomeEmail struct {
	UserID int `json:"user_id"`
}

// Welcome binds the routing key to the type of its payload, for publishers and handlers alike.
var Welcome = tasks.Define[WelcomeEmail]("email.welcome")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	client, err := broker.Connect(ctx, broker.Config{}) // amqp://guest:guest@127.0.0.1:5672/
	if err != nil {
		return err
	}
	defer client.Close()

	if len(os.Args) > 1 && os.Args[1] == "enqueue" {
		id, err := Welcome.Enqueue(ctx, client, WelcomeEmail{UserID: 7}, tasks.Delay(2*time.Second), tasks.Priority(7))
		if err == nil {
			log.Printf("enqueued %s", id)
		}
		return err
	}

	mux := tasks.NewMux()
	Welcome.Handle(mux, func(ctx context.Context, m WelcomeEmail) error {
		log.Printf("welcome, user %d", m.UserID)
		return nil // an error is tried again; see also tasks.Permanent, RetryAfter and Snooze
	})
	w, err := worker.New(client, worker.Config{
		Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Mux: mux}},
	})
	if err != nil {
		return err
	}
	return w.Run(ctx) // declares, consumes, and drains when ctx is done
}
