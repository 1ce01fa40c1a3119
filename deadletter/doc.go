// Package deadletter reads dead letters and parked tasks: what failed, why, and with which payload,
// as one record whoever made the letter, a worker of ours or RabbitMQ itself.
//
// It owns the failure record, how letters are chosen, how they are grouped by what they died of, how
// their payloads are mended, and what a letter is replayed as. It must not know how a queue is read: a
// [Browser] and a [Sifter], both of which broker.Client is, show it messages.
package deadletter
