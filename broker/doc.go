// Package broker is RabbitMQ: connections that come back after every loss, publishing with
// confirms, consumer sessions whose acknowledgements can never cross a reconnect, and declaring a
// topology. It is the only package that imports the AMQP client library; the rest of Warren sees
// tasks.Message and routing.Topology.
//
// It knows nothing of how a task is run or retried: packages worker, scheduler and deadletter do.
//
// # Why not the client library's own recovery
//
// amqp091-go can reopen a channel in place. An acknowledgement of a delivery that was taken before
// the loss is then sent on the reopened channel with its old delivery tag, and RabbitMQ takes it for
// whichever new delivery has that tag: a task that never ran is gone without an error
// (TestLibraryRecoveryLosesATask shows it). Here a consumer session is one channel on one
// connection, made afresh after every loss, and an acknowledgement of an ended session goes nowhere.
package broker
