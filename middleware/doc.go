// Package middleware is what may be put around handlers: recovering from panics, a time of its own,
// a log line, a rate, and whether the task may be run for whoever enqueued it.
//
// Around all of a queue's handlers it goes into worker.Queue's Middleware, around one into
// [tasks.Chain]:
//
//	mux.Handle("email.#", tasks.Chain(send, middleware.RateLimit(limiter), middleware.Timeout(10*time.Second)))
//
// The first given is the outermost. What order to take follows from what each does: Authorise
// outside of all; Logging outside
// of what it is to tell about; RateLimit outside of Timeout, since waiting for a token is not the
// handler's time; Recover inside of whatever wants to see a panic as an error. None of them is
// needed for a task's safety: the executor recovers from panics, and keeps the queue's timeout, by
// itself.
//
// It knows what a task is and what a handler answers, and neither queues nor connections.
package middleware

import "github.com/jonboulle/clockwork"

// Option sets something of a middleware that tells the time.
type Option func(*options)

type options struct{ clock clockwork.Clock }

// Clock sets what tells the time. Defaults to the real clock.
func Clock(c clockwork.Clock) Option { return func(o *options) { o.clock = c } }

func newOptions(opts []Option) options {
	o := options{clock: clockwork.NewRealClock()}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
