// Package routing says where a task goes, as pure data: which keys and patterns are valid, which
// pattern matches which key, which pattern is the most specific, and the whole topology
// (exchanges, queues, bindings and their arguments by broker version) that a configuration asks
// of RabbitMQ, with the delay ladder among it.
//
// It does no input or output and knows neither a connection nor a task: package broker declares
// what is described here, and packages worker and config read it.
package routing
