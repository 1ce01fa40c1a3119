package main

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestExecuteExitCode(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 3": 3, "kill -9 $$": 137} {
		if code, err := execute(t.Context(), []string{"sh", "-c", script}, os.Environ(), nil); code != want || err != nil {
			t.Errorf("%s: exit code %d, %v, want %d", script, code, err, want)
		}
	}
	if code, err := execute(t.Context(), []string{"/no/such/command"}, os.Environ(), nil); code != 1 || err == nil {
		t.Errorf("no such command: exit code %d, %v", code, err)
	}
}

// A signal reaches the command and what it has started.
func TestExecuteSignal(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	began := time.Now()
	code, err := execute(t.Context(), []string{"sh", "-c", "sleep 300; exit 1"}, os.Environ(), signals)
	if code != 128+int(syscall.SIGTERM) || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the command was not signalled: %s", took)
	}
}

func TestExecuteAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, err := execute(ctx, []string{"true"}, os.Environ(), nil); code != 1 || err == nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}
