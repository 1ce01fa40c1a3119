package guard

import (
	"errors"
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// The errors of this package, for errors.Is. Both are tasks.ErrInvalidTask too.
var (
	// ErrCredential is a payload with a field that is named like a credential. The error that says so
	// is a [*FieldError].
	ErrCredential = errors.New("credential in the payload")
	// ErrTooDeep is a payload that is nested deeper than MaxDepth, which is not looked through.
	ErrTooDeep = fmt.Errorf("%w: payload: it is nested more than %d deep, and not looked through for credentials",
		tasks.ErrInvalidTask, MaxDepth)
)

// FieldError is a field that is named like a credential and holds something. It tells where, and
// never what.
type FieldError struct {
	// Path is the field's, such as user.tokens[3].secret, of at most MaxPathBytes bytes: a longer one
	// has lost its beginning. A name that is not plain is in quotes.
	Path string
}

// Error tells the path, and what to do.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%v: payload: the field %s is named like a credential, which no payload may hold: "+
		"have the handler take it from its environment or from a file", tasks.ErrInvalidTask, e.Path)
}

// Is reports whether target is [ErrCredential] or tasks.ErrInvalidTask.
func (e *FieldError) Is(target error) bool {
	return target == ErrCredential || target == tasks.ErrInvalidTask
}
