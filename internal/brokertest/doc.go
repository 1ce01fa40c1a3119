// Package brokertest is a RabbitMQ for everybody: it finds one that is already running, or starts
// one, for the demo and for every test, so that neither has to say how.
//
// It owns the ladder of ways to have a broker ([Find]), the brokers that it started (private nodes
// and containers, [Broker], and clusters of these, [Cluster]) until they are closed or detached, the
// virtual hosts that tests work in, and the [Proxy] that breaks connections for them. It must not know anything of Warren: no
// package of this module is imported here, and nothing of Warren's topology is declared.
//
// What it starts is marked with the process that owns it. A process that is killed leaves its
// brokers behind; the next [Find] or [Start] on the same machine stops and removes them.
package brokertest
