package handlers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/tasks"
)

// fullTask is a task that carries everything.
func fullTask() *tasks.Task {
	at := time.Date(2026, 11, 22, 6, 0, 0, 5e6, time.UTC)
	return &tasks.Task{
		ID: "id-1", Key: "email.welcome", Queue: "email", Payload: []byte(`{"user":7}`),
		ContentType: "application/json", ContentEncoding: "identity",
		Attempt: 2, MaxAttempts: 9, Timeout: 90 * time.Second,
		EnqueuedAt: at, NotBefore: at.Add(time.Second), ExpiresAt: at.Add(time.Hour),
		Schedule: "daily", ScheduledFor: at, Settlement: 3, Redeliveries: 4,
		EnqueuedBy: "mallory", By: tasks.Identity{Name: "alice"},
		BatchID: "import", BatchIndex: 3, BatchTotal: 7,
		Errors:      []string{"#1 2026-11-22T06:00:00Z w: \"no\"\nluck"},
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState: "a=100%",
	}
}

func TestAttributesTellWhatTheTaskCarries(t *testing.T) {
	assert.Equal(t, []attribute{
		{"warren-task-id", "id-1"},
		{"warren-routing-key", "email.welcome"},
		{"warren-queue", "email"},
		{"warren-attempt", "2"},
		{"warren-max-attempts", "9"},
		{"warren-timeout-ms", "90000"},
		{"warren-enqueued-at", "1795327200005"},
		{"warren-not-before", "1795327201005"},
		{"warren-expires-at", "1795330800005"},
		{"warren-schedule", "daily"},
		{"warren-scheduled-for", "2026-11-22T06:00:00Z"},
		{"warren-settlement", "3"},
		{"warren-redeliveries", "4"},
		{"warren-enqueued-by", "alice"},
		{"warren-batch-id", "import"},
		{"warren-batch-index", "3"},
		{"warren-batch-total", "7"},
	}, attributes(fullTask()))
}

func TestNobodyIsToldOfAClaimedName(t *testing.T) {
	for _, a := range attributes(&tasks.Task{EnqueuedBy: "mallory", By: tasks.Identity{Name: "mallory", Claimed: true}}) {
		assert.Empty(t, a.value, a.name)
	}
}

func TestAttributesThatATaskDoesNotCarryAreEmpty(t *testing.T) {
	for _, a := range attributes(&tasks.Task{}) {
		assert.Empty(t, a.value, a.name)
	}
}
