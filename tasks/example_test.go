package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// WelcomeEmail is the payload of the task that greets a new user.
type WelcomeEmail struct {
	UserID int    `json:"user_id"`
	Name   string `json:"name"`
}

// Welcome is shared by those who enqueue the task and those who handle it.
var Welcome = tasks.Define[WelcomeEmail]("email.welcome")

// printer stands for a broker.Client: it shows what would be published.
type printer struct{}

func (printer) Enqueue(_ context.Context, t tasks.Task) (string, error) {
	m, err := tasks.Encode(t, time.Now())
	if err != nil {
		return "", err
	}
	fmt.Printf("%s %s priority %d\n", m.RoutingKey, m.Body, m.Priority)
	return m.MessageID, nil
}

func ExampleDefinition_Enqueue() {
	_, err := Welcome.Enqueue(context.Background(), printer{}, WelcomeEmail{UserID: 7, Name: "Ada"}, tasks.Priority(7))
	fmt.Println(err)

	_, err = Welcome.Enqueue(context.Background(), printer{}, WelcomeEmail{}, tasks.Priority(10))
	fmt.Println(err)
	// Output:
	// email.welcome {"user_id":7,"name":"Ada"} priority 7
	// <nil>
	// invalid task: priority: 10 is not within 1..9
}

func ExampleDefinition_Handle() {
	mux := tasks.NewMux()
	Welcome.Handle(mux, func(ctx context.Context, m WelcomeEmail) error {
		switch {
		case m.Name == "":
			return tasks.Permanent(errors.New("nobody to greet"))
		case m.UserID == 0:
			return tasks.RetryAfter(time.Minute, errors.New("not registered yet"))
		}
		task, _ := tasks.FromContext(ctx)
		fmt.Printf("Welcome, %s! (attempt %d)\n", m.Name, task.Attempt)
		return nil
	})
	if err := mux.Err(); err != nil {
		fmt.Println(err)
		return
	}

	// A worker does this for each delivery, and settles it as the decision says.
	executor := tasks.Executor{Handler: mux}
	for _, payload := range []string{`{"user_id":7,"name":"Ada"}`, `{"user_id":7}`, `{"name":"Ada"}`, `hello`} {
		task := tasks.Task{Key: "email.welcome", Payload: []byte(payload), Attempt: 1}
		d := executor.Execute(context.Background(), &task)
		fmt.Println(d.Action, d.Reason, d.After, d.Err)
	}
	// Output:
	// Welcome, Ada! (attempt 1)
	// ack  0s <nil>
	// dead-letter permanent 0s nobody to greet
	// retry  1m0s not registered yet
	// dead-letter malformed 0s malformed payload: invalid character 'h' looking for beginning of value
}

func ExampleMux() {
	named := func(name string) tasks.HandlerFunc {
		return func(_ context.Context, t *tasks.Task) error {
			fmt.Println(t.Key, "by", name)
			return nil
		}
	}
	mux := tasks.NewMux()
	mux.Handle("#", named("#"))
	mux.Handle("email.*", named("email.*"))
	mux.Handle("email.welcome", named("email.welcome"))
	for _, key := range []string{"email.welcome", "email.goodbye", "email.goodbye.eu"} {
		if err := mux.HandleTask(context.Background(), &tasks.Task{Key: key}); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// email.welcome by email.welcome
	// email.goodbye by email.*
	// email.goodbye.eu by #
}

// One pattern's tasks may be kept from taking all of their queue's concurrency.
func ExampleConcurrency() {
	mux := tasks.NewMux()
	done := func(context.Context, *tasks.Task) error { return nil }
	mux.HandleFunc("image.#", done)
	mux.HandleFunc("image.render.*", done, tasks.Concurrency(2))

	fmt.Println(mux.Match(&tasks.Task{Key: "image.render.video"}))
	fmt.Println(mux.Match(&tasks.Task{Key: "image.resize"}))
	// Output:
	// image.render.* 2
	// image.# 0
}
