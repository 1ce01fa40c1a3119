package tracing

import (
	"context"
	"errors"
	"reflect"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/warrenmq/warren/tasks"
)

// fail marks a span as failed, with a text that may be told.
func fail(span trace.Span, err error, text string) {
	kind := errorType(err)
	span.SetStatus(codes.Error, text)
	span.SetAttributes(keyErrorType.String(kind))
	span.AddEvent(eventException, trace.WithAttributes(keyExceptionType.String(kind), keyExceptionMessage.String(text)))
}

// otherError is the type of an error that has no name, by the conventions.
const otherError = "_OTHER"

// kinds are the errors that have a name of their own, in the order in which they are asked for.
var kinds = []struct {
	err  error
	name string
}{
	{tasks.ErrPanic, "panic"},
	{tasks.ErrTimeout, "timeout"},
	{tasks.ErrNoHandler, string(tasks.ReasonNoHandler)},
	{tasks.ErrUnauthorised, string(tasks.ReasonUnauthorised)},
	{tasks.ErrUndecryptable, string(tasks.ReasonUndecryptable)},
	{tasks.ErrInvalidTask, "invalid"},
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
}

// errorType names what kind of error it is, one of few: a name of [kinds], else the Go type of the
// outermost error that says more than that something was wrapped.
func errorType(err error) string {
	for _, kind := range kinds {
		if errors.Is(err, kind.err) {
			return kind.name
		}
	}
	for err != nil {
		if !isWrapping(err) {
			return reflect.TypeOf(err).String()
		}
		err = unwrap(err)
	}
	return otherError
}

// isWrapping reports whether the type of an error tells nothing of what has happened.
func isWrapping(err error) bool {
	switch err.(type) { //nolint:errorlint // it is walked
	case *tasks.PermanentError, *tasks.RetryAfterError, tasks.ShortError:
		return true
	}
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return kind.PkgPath() == "errors" || kind.PkgPath() == "fmt"
}

// unwrap returns the error that another wraps, of several the first, nil where it wraps none.
func unwrap(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		if all := many.Unwrap(); len(all) > 0 {
			return all[0]
		}
		return nil
	}
	return errors.Unwrap(err)
}
