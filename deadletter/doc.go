// Package deadletter reads dead letters and parked tasks: what failed, why, and with which payload,
// as one record whoever made the letter, a worker of ours or RabbitMQ itself.
//
// It owns the failure record and how letters are chosen. It must not know how a queue is read: a
// [Browser], which broker.Client is, shows it messages.
package deadletter
