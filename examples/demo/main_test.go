package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/warrenmq/warren/metrics"
)

// childVariable makes this test's binary a process that the tests start and stop.
const childVariable = "DEMO_TEST_CHILD"

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(childVariable); behaviour != "" {
		os.Exit(child(behaviour))
	}
	goleak.VerifyTestMain(m)
}

// child is that process: it answers for its health until it is asked to end.
func child(behaviour string) int {
	fmt.Println("arguments:", strings.Join(os.Args[1:], " "))
	if behaviour == "fail at once" {
		return 3
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	err := metrics.Serve(ctx, os.Getenv("WARREN_METRICS_LISTEN"), func() error { return nil }, nil, slog.Default())
	if err != nil || behaviour == "fail in the end" {
		return 4
	}
	return 0
}
