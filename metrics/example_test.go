package metrics_test

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/metrics"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A worker of your own shows its numbers in the registry of the program that it is a part of.
func Example() {
	var client *broker.Client // of broker.Connect
	mux := tasks.NewMux()

	counted := metrics.NewTasks(metrics.Queue{Name: "email", Mux: mux})
	w, err := worker.New(client, worker.Config{
		Queues: []worker.Queue{{Name: "email", Routes: []string{"email.#"}, Mux: mux}}, Events: counted,
	})
	if err != nil {
		return
	}
	prometheus.MustRegister(counted, metrics.NewWorker(w.Stats), metrics.NewClient(client.Stats))
}

// How long queues are is asked for when somebody scrapes.
func ExampleNewDepths() {
	var client *broker.Client // of broker.Connect, with its Management

	depths := metrics.NewDepths(metrics.DepthConfig{
		Queues: []string{"email"}, Dead: routing.DeadQueue, Parked: client.Names().Unrouted(),
		Sources: []metrics.DepthSource{metrics.Management(client.QueueStats), metrics.AMQP(client.Depths)},
	})
	defer depths.Close()
	prometheus.MustRegister(depths)
}
