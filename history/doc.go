// Package history keeps what happened to tasks: the event as a JSON line, the Recorder that brings
// events to a stream in batches, reading them back by time, task, queue and batch, and adding up what became
// of each queue's tasks in the last minutes.
//
// It knows nothing of RabbitMQ but what a stream is (package streams), nor of workers: those see it as
// a tasks.Recorder. What appends to the stream and reads it is given to it.
package history
