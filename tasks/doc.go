// Package tasks says what a task is and how one is run: the task and its form on the wire, the
// mux that finds its handler, the outcomes that a handler may answer with, the retry policy, and
// the executor that turns all of that into a decision.
//
// It knows nothing of connections: a [Message] is an AMQP message as plain data, package broker
// carries it, and package worker applies an executor's [Decision] to the delivery it came from.
package tasks
