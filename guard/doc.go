// Package guard keeps credentials out of payloads: a [Checker] looks for fields that are named like
// one, and an [Enqueuer] stands before another and refuses the tasks that have them.
//
//	to := guard.New(client)
//	id, err := Welcome.Enqueue(ctx, to, WelcomeEmail{…})
//
// A payload is kept for as long as its task is, in a queue, in its dead letter, in whatever log a
// handler writes; a password in it is one that many can read and nobody can recall. Programs and
// services that run tasks take their secrets from their environment or from files instead.
//
// It is there against a slip, not against somebody who means to: it knows names, not values, and
// only those that it was given. It knows JSON and neither queues nor connections.
package guard
