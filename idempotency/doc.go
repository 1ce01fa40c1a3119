// Package idempotency keeps a task that is delivered twice from having its effect twice.
//
// RabbitMQ delivers at least once: a worker that dies, or whose connection is cut, before its
// acknowledgement has arrived gets its tasks run again. [Middleware] asks a [Store] before each
// run. The store knows a work by its key (queue and task ID, see [Key]) and holds one claim on it:
//
//	           Claim                    Complete
//	(nothing) -------> claimed by A ----------------> done
//	    ^                |   |   ^
//	    |     Release    |   |   | Extend; where the lease has run out: Claim by B, and it is B's
//	    +----------------+   +---+
//
// A claim has an owner, a token that no other claim ever has, and a lease. Time says only who may
// take a claim over: until somebody has, it is still its owner's, however late. So the fence is the
// owner alone, and a worker that was away for an hour and comes back either finds its claim as it
// left it or finds that it is another's; it cannot complete what it does not hold.
//
// That keeps a work from being run twice at a time, and from being run again once it is done. What
// it cannot do is to make the effect and the note of it one: a worker that dies between the two has
// had the effect, and the next one has it again. Where the effect is in the same PostgreSQL,
// [Postgres.InTx] can: the effect and the completion are one transaction, and happen exactly once.
//
// The package knows what a task is and what a handler answers, and database/sql without a driver. It
// knows neither queues nor connections to RabbitMQ.
package idempotency
