package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
)

// RabbitMQ takes a delivery back that is not acknowledged within its acknowledgement timeout, which
// counts from the delivery. What is known of it:
//
//   - from 4.3 a consumer of a quorum queue says itself what it needs, and classic queues have none;
//   - before, a policy may say (from 3.12), else the broker's own holds.
const (
	// brokerAckTimeout is the broker's own, unless its configuration says otherwise.
	brokerAckTimeout = 30 * time.Minute
	// ackMargin is what a consumer asks for beyond its tasks' timeout: for the time that a delivery
	// waits here, and for handlers that end late.
	ackMargin = 30 * time.Minute
)

// timeouts tells what is known of the broker's acknowledgement timeouts; broker.Client does.
type timeouts interface {
	Version() routing.Version
	Vhost() string
	ConsumerTimeout(ctx context.Context, queue string) (time.Duration, error)
}

// ackTimeout is how long the deliveries of a queue may take, as far as is known; asked tells that it
// is what our consumer asks for.
func (q *queue) ackTimeout(ctx context.Context, client timeouts) (limit time.Duration, asked bool) {
	if client.Version().AtLeast(4, 3) {
		return q.cfg.Timeout + ackMargin, true
	}
	if limit, err := client.ConsumerTimeout(ctx, q.cfg.Name); err == nil && limit > 0 {
		return limit, false
	}
	return brokerAckTimeout, false
}

// warnOfTimeout tells of a queue whose tasks may run longer than the broker waits for their
// acknowledgement, with what mends it.
func (q *queue) warnOfTimeout(client timeouts) {
	if q.asked || q.cfg.Timeout < q.ackLimit {
		return
	}
	needed := (q.cfg.Timeout + ackMargin).Milliseconds()
	remedy := fmt.Sprintf("consumer_timeout = %d in rabbitmq.conf", needed)
	if client.Version().AtLeast(3, 12) {
		remedy = fmt.Sprintf(`rabbitmqctl set_policy -p '%s' --apply-to queues %s-timeout '^%s$' '{"consumer-timeout": %d}'`,
			client.Vhost(), q.cfg.Name, strings.ReplaceAll(q.cfg.Name, ".", `\.`), needed)
	}
	q.log.Warn("tasks may run longer than RabbitMQ waits for their acknowledgement; they would be given out again meanwhile",
		slog.Duration("timeout", q.cfg.Timeout), slog.Duration("acknowledgement_timeout", q.ackLimit), slog.String("remedy", remedy))
}
