package tasks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// An outcome tells its cause's text, and lets the cause be found.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for _, err := range []error{tasks.Permanent(boom), tasks.RetryAfter(time.Second, boom)} {
		require.EqualError(t, err, "boom")
		require.ErrorIs(t, fmt.Errorf("sending: %w", err), boom)
	}
	var after *tasks.RetryAfterError
	require.ErrorAs(t, tasks.RetryAfter(time.Second, boom), &after)
	assert.Equal(t, time.Second, after.After)

	var snooze *tasks.SnoozeError
	require.ErrorAs(t, tasks.Snooze(time.Minute), &snooze)
	assert.Equal(t, time.Minute, snooze.After)
	require.EqualError(t, snooze, "snoozed for 1m0s")

	require.EqualError(t, tasks.Permanent(nil), "<nil>", "an outcome all the same")
	malformed := &tasks.MalformedError{Field: "payload", Err: boom}
	require.EqualError(t, malformed, "malformed payload: boom")
	assert.ErrorIs(t, malformed, boom)
}

func TestActionString(t *testing.T) {
	t.Parallel()
	for action, want := range map[tasks.Action]string{
		tasks.Requeue: "requeue", tasks.Ack: "ack", tasks.Retry: "retry", tasks.DeadLetter: "dead-letter",
	} {
		assert.Equal(t, want, action.String())
	}
	assert.Equal(t, tasks.Requeue, tasks.Decision{}.Action, "what nobody decided about goes back")
}
