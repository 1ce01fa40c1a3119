// Package worker runs tasks: for each queue a consumer, a buffer that gives out what is due by
// priority, a number of goroutines that execute, and the settlement that applies what they decided.
//
// It owns the life of a delivery from the broker's hand to its acknowledgement, and the drain at
// the end. It does not know what a handler does, nor how AMQP is spoken.
package worker
