package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/tracing"
)

// secretError is an error that a task's payload is in.
type secretError struct{ text string }

func (e *secretError) Error() string { return e.text }

// What an encrypted task says of itself is sealed in its spans, whichever middleware is the outer one,
// and whichever way the text comes.
func TestSpansOfEncryptedTasksTellNothing(t *testing.T) {
	t.Parallel()
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	keys, err := encryption.ParseKeyset(data)
	require.NoError(t, err)
	decrypt := encryption.Middleware(keys, encryption.Config{Log: slog.New(slog.DiscardHandler)})
	const secret = "eve@example.com"
	for order, outer := range map[string]bool{"tracing outside": true, "tracing inside": false} {
		for name, handler := range map[string]tasks.HandlerFunc{
			"error":     returning(errors.New("no such user " + secret)),
			"wrapped":   returning(fmt.Errorf("send: %w", &secretError{secret})),
			"permanent": returning(tasks.Permanent(errors.New(secret))),
			"panic":     func(context.Context, *tasks.Task) error { panic(secret) },
			"long":      returning(errors.New(strings.Repeat(secret, 1000))),
		} {
			t.Run(order+", "+name, func(t *testing.T) {
				t.Parallel()
				provider, recorder := spans()
				var to queue
				e := tracing.New(encryption.New(&to, keys), tracing.Config{Provider: provider})
				_, err := e.Enqueue(t.Context(), tasks.Task{Key: "email", Payload: []byte(secret)})
				require.NoError(t, err)
				task := to.tasks[0]
				task.Attempt, task.Queue = 1, "email"
				chain := []tasks.Middleware{tracing.Middleware(tracing.Config{Provider: provider}), decrypt}
				if !outer {
					chain[0], chain[1] = chain[1], chain[0]
				}
				d := executor(handler, chain...).Execute(t.Context(), &task)
				require.Error(t, d.Err)
				run := ended(t, recorder, 2)[1]
				assert.Equal(t, ended(t, recorder, 2)[0].SpanContext().SpanID(), run.Parent().SpanID())
				for _, span := range recorder.Ended() {
					assert.NotContains(t, everything(span), "eve@")
				}
				assert.Contains(t, run.Status().Description, "sealed:")
				assert.Contains(t, keys.OpenError(&task, run.Status().Description), "eve@")
				assert.LessOrEqual(t, len(run.Status().Description), tasks.MaxErrorBytes)
			})
		}
	}
}

// everything is all text that a span has.
func everything(span sdktrace.ReadOnlySpan) string {
	return fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status(), span.Links(), span.Resource())
}
