// Package handlers makes handlers of what is not Go: [Exec] runs a program for each task, [HTTP]
// posts each task to a web service. Both give the payload as it is and tell the rest of the task
// beside it, under the names of the wire's headers, and both turn what came of it into an outcome
// of package tasks.
//
// It knows neither queues nor connections to the broker, nor how a handler was configured: a worker
// runs these handlers as it runs any other.
package handlers

import "errors"

// ErrInvalidHandler is a handler whose configuration cannot work; the error names the field.
var ErrInvalidHandler = errors.New("invalid handler")
