package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/warrenmq/warren/tasks"
)

// asWorker makes the test binary a worker that runs one program, for what needs a process of its
// own; its value is the program and its arguments, as JSON.
const asWorker = "HANDLERS_TEST_AS_WORKER"

func TestMain(m *testing.M) {
	if argv := os.Getenv(asWorker); argv != "" {
		fmt.Print(work(argv))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func work(argv string) error {
	var c ExecConfig
	if err := json.Unmarshal([]byte(argv), &c.Argv); err != nil {
		return err
	}
	e, err := NewExec(c)
	if err != nil {
		return err
	}
	return e.HandleTask(context.Background(), &tasks.Task{})
}
