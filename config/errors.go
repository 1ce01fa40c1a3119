package config

import (
	"errors"
	"fmt"
	"regexp"
)

// ErrInvalid is a configuration that cannot be used. The errors that say so are [*FieldError].
var ErrInvalid = errors.New("invalid configuration")

// FieldError is one problem of a configuration. It is [ErrInvalid].
type FieldError struct {
	// File is the file as it was named, or the variable of the environment.
	File string
	// Line is where, from 1; 0 where it is not known.
	Line int
	// Field is the path of the field, such as queues.email.concurrency; empty for the whole file.
	Field string
	err   error
}

// credentials are whatever follows a URL's scheme; where they end in a broken one nobody can say.
var credentials = regexp.MustCompile(`(?s)://.*`)

// Error tells file, line, field and problem, such as
// "warren.yaml:12: queues.email.concurrency: 0 is not within 1..10000". It shows no URL, whose
// credentials could be in any field by mistake.
func (e *FieldError) Error() string {
	text := e.err.Error()
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	text = credentials.ReplaceAllString(text, "://…")
	if e.Line == 0 {
		return e.File + ": " + text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, text)
}

// Is reports whether target is [ErrInvalid].
func (e *FieldError) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.err }
