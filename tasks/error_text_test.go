package tasks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// packed is an error that says how much of it there is.
type packed int

func (p packed) Error() string { return p.ErrorWithin(int(p)) }

func (p packed) ErrorWithin(size int) string {
	return "<" + strings.Repeat("=", max(0, min(size, int(p))-2)) + ">"
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "boom", tasks.ErrorText(errors.New("boom"), 4))
	assert.Equal(t, "bo … oom", tasks.ErrorText(errors.New("boomboomboom"), 10))
	assert.Equal(t, "<==>", tasks.ErrorText(packed(4), 4))
	assert.Equal(t, "<===>", tasks.ErrorText(packed(9), 5))
	assert.Equal(t, "timed out: <===>!", tasks.ErrorText(fmt.Errorf("timed out: %w!", packed(30)), 17))
	assert.Equal(t, "<nil>", tasks.ErrorText(nil, 10))
}

func TestCutHoldsItsBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, size := rapid.String().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "size")
		cut := tasks.Cut(text, size)
		assert.LessOrEqual(t, len(cut), size)
		assert.True(t, utf8.ValidString(cut))
		if len(text) <= size {
			assert.Equal(t, text, cut)
		}
	})
}

// A line of warren-errors is shortened within the error, so that a packed one stays whole.
func TestRetryMessageOfAShortError(t *testing.T) {
	t.Parallel()
	f := tasks.Failure{Err: packed(500), At: now, Worker: "worker-1"}
	task := tasks.Task{ID: "1", Key: "a", Attempt: 1}
	line := tasks.RetryMessage(tasks.Message{}, &task, "", now, &f).Headers[tasks.HeaderErrors].([]any)[0].(string)
	assert.Len(t, line, tasks.MaxErrorsItemBytes)
	assert.True(t, strings.HasSuffix(line, "=>"), line)
	assert.Contains(t, line, "worker-1: <==")
	assert.NotContains(t, line, "…")
}
