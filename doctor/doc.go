// Package doctor judges whether a RabbitMQ is fit for a configuration: what is missing, what differs
// from the topology, what would stall or lose tasks, and what mends each.
//
// [Gather] asks the broker and puts what it answers into [Facts]; [Examine] is pure and turns facts into
// [Finding] values. A check that cannot be made, because nobody may be asked, is a finding too
// ([NotMade]): silence means that all is well.
//
// It changes nothing, knows neither AMQP nor HTTP, which are package broker's, and prints nothing.
package doctor
