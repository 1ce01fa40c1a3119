// Package streams describes RabbitMQ's streams as plain data: a place in a stream, and a record that
// was read from one. It knows nothing of connections, nor of what records mean: package broker appends
// and reads them, and who needs them (package control, history) declares a small interface for it in
// these terms.
package streams
