package encryption

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

func errorTexts(t testing.TB, keys *Keyset) (tasks.Task, texts) {
	t.Helper()
	task := tasks.Task{Key: "email.welcome", ID: "7", KeyID: keys.Primary()}
	x, known := keys.texts(&task, purposeError)
	require.True(t, known)
	return task, x
}

func TestSealedTexts(t *testing.T) {
	keys, _ := newKeys(t)
	task, x := errorTexts(t, keys)
	rapid.Check(t, func(t *rapid.T) {
		text, size := rapid.String().Draw(t, "text"), rapid.IntRange(0, 300).Draw(t, "size")
		sealed := x.seal(text, size)
		if sealed == unreadable {
			assert.Less(t, size, 100, "there is no room")
			return
		}
		assert.LessOrEqual(t, len(sealed), size)
		assert.NotContains(t, sealed, " … ")
		opened := keys.OpenError(&task, "#1 worker: "+sealed)
		if whole := "#1 worker: " + tasks.Cut(text, len(text)+300); len(opened) < len(whole) {
			assert.Contains(t, opened, " … ", "it has lost its middle")
		} else {
			assert.Equal(t, whole, opened)
		}
	})
}

func TestOpenErrorLeavesWhatDoesNotOpen(t *testing.T) {
	keys, _ := newKeys(t)
	task, x := errorTexts(t, keys)
	sealed := x.seal("no such user", 200)
	payload, err := keys.Seal(tasks.Task{Key: task.Key, ID: task.ID})
	require.NoError(t, err)
	result, _ := keys.texts(&task, purposePayload)
	other := task
	other.ID = "8"
	for _, text := range []string{
		"", "sealed", "sealed:", "sealed:A", "sealed:AAAA", tasks.Cut(sealed, 60), sealed[:len(sealed)-4], sealed + "AAAA",
		"sealed:" + string(payload.Payload), result.seal("of another purpose", 200),
	} {
		assert.Equal(t, text, keys.OpenError(&task, text))
	}
	assert.Equal(t, sealed, keys.OpenError(&other, sealed))
	assert.Equal(t, sealed, keys.OpenError(&tasks.Task{Key: task.Key, ID: task.ID}, sealed), "which key is not told")
	assert.Equal(t, "timed out: no such user, and no such user", keys.OpenError(&task, "timed out: "+sealed+", and "+sealed))
}

func TestSealedError(t *testing.T) {
	keys, _ := newKeys(t)
	task, x := errorTexts(t, keys)
	cause := errors.New("user eve@example.com is unknown")
	err := error(newSealedError(tasks.Permanent(cause), cause.Error(), x))
	first := err.Error()
	assert.Equal(t, first, err.Error(), "the same each time")
	assert.ErrorIs(t, err, cause)
	var permanent *tasks.PermanentError
	assert.ErrorAs(t, err, &permanent)
	for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err), fmt.Errorf("a: %w", err).Error()} {
		assert.NotContains(t, text, "eve")
		assert.Contains(t, keys.OpenError(&task, text), "user eve@example.com is unknown")
	}
}

// A long error is whole in the dead letter as far as 2 KiB go, and each line of its attempts opens.
func TestSealedErrorInHeaders(t *testing.T) {
	keys, _ := newKeys(t)
	task, x := errorTexts(t, keys)
	task.Attempt = 12
	text := "import of eve's file: " + strings.Repeat("line, ", 1000) + "disk is full"
	sealed := newSealedError(errors.New(text), text, x)
	wrapped := fmt.Errorf("%w after 1h0m0s: %w", tasks.ErrTimeout, sealed)
	failure := tasks.Failure{Err: wrapped, Worker: "ip-10-21-132-7.eu-central-1.compute.internal:1"}
	m := tasks.DeadMessage(tasks.Message{}, &task, "", tasks.ReasonAttemptsExhausted, failure, true)

	last := m.Headers[tasks.HeaderError].(string)
	assert.LessOrEqual(t, len(last), tasks.MaxErrorBytes)
	opened := keys.OpenError(&task, last)
	assert.True(t, strings.HasPrefix(opened, "timed out after 1h0m0s: import of eve's file: line, "), opened)
	assert.True(t, strings.HasSuffix(opened, "line, disk is full"), opened)
	assert.Greater(t, len(opened), 1200)

	line := m.Headers[tasks.HeaderErrors].([]any)[0].(string)
	assert.LessOrEqual(t, len(line), tasks.MaxErrorsItemBytes)
	assert.NotContains(t, line, "…")
	assert.NotContains(t, line, "eve")
	opened = keys.OpenError(&task, line)
	assert.NotContains(t, opened, "sealed:", opened)
	assert.True(t, strings.HasSuffix(opened, "is full"), opened)
}
