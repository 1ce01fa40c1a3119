package metrics

import "context"

// DepthSource is somebody who can be asked for the depths of queues.
type DepthSource struct {
	name string // the label source
	ask  func(ctx context.Context, queues []string) (map[string]depth, error)
}

// depth is what is known of a queue.
type depth struct {
	ready, unacked, consumers int
	unackedKnown              bool
}

type (
	// ManagedQueue is what broker.QueueStats is, as [ClientStats] is what it stands for.
	ManagedQueue = struct {
		Name        string
		Type        string
		Ready       int
		Unacked     int
		Consumers   int
		PublishRate float64
		DeliverRate float64
		AckRate     float64
	}
	// AMQPDepth is what broker.Depth is.
	AMQPDepth = struct {
		Ready     int
		Consumers int
	}
)

// Management is the management API: broker.Client.QueueStats, which asks once for all queues.
func Management[S ~ManagedQueue](stats func(context.Context) ([]S, error)) DepthSource {
	return DepthSource{"management", func(ctx context.Context, _ []string) (map[string]depth, error) {
		all, err := stats(ctx)
		depths := make(map[string]depth, len(all))
		for i := range all {
			q := ManagedQueue(all[i])
			depths[q.Name] = depth{ready: q.Ready, unacked: q.Unacked, unackedKnown: true, consumers: q.Consumers}
		}
		return depths, err
	}}
}

// AMQP is the passive declaration of each queue: broker.DepthProbe.Depths, or broker.Client.Depths, which
// connects each time. It does not tell what was delivered and is not acknowledged. What it tells beside an
// error counts.
func AMQP[S ~AMQPDepth](ask func(ctx context.Context, queues ...string) (map[string]S, error)) DepthSource {
	return DepthSource{"amqp", func(ctx context.Context, queues []string) (map[string]depth, error) {
		all, err := ask(ctx, queues...)
		depths := make(map[string]depth, len(all))
		for name := range all {
			q := AMQPDepth(all[name])
			depths[name] = depth{ready: q.Ready, consumers: q.Consumers}
		}
		return depths, err
	}}
}
