// Package tracing makes OpenTelemetry spans of tasks: one where a task is published, and one for each
// run of it, in one trace over delays, retries and workers.
//
// An [Enqueuer] before the one that publishes makes a span of each publish and writes its context
// into the task. A [Middleware] around a queue's handlers makes a span of each run, a child of the
// publish; the handler's context carries it, and so does the task that the handler sees. The span of a
// run links to that of the run before, whichever worker that was on, by the header
// warren-previous-attempt.
//
// Names follow the semantic conventions of OpenTelemetry for messaging and RabbitMQ, v1.44.0
// (https://github.com/open-telemetry/semantic-conventions/tree/v1.44.0/docs/messaging); attributes that
// begin with warren are Warren's own.
//
// It knows what a task is, and the API of OpenTelemetry; neither queues nor where spans go.
package tracing
