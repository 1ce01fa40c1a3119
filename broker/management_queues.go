package broker

import (
	"context"
	"net/url"
)

// QueueStats is what the management API tells of a queue. The numbers are up to 5 s old, and all 0
// for a queue that is younger than that. Rates are in messages a second over the last few seconds.
type QueueStats struct {
	Name string
	// Type is quorum, classic or stream.
	Type string
	// Ready messages wait for a consumer; Unacked ones were delivered and not acknowledged.
	Ready   int
	Unacked int
	// Consumers is the number of consumers, on all connections.
	Consumers int
	// PublishRate is what comes in, DeliverRate what goes out to consumers and looks, AckRate what
	// is done for good.
	PublishRate float64
	DeliverRate float64
	AckRate     float64
}

// queueColumns keeps the answer short: the API tells some eighty fields of each queue.
const queueColumns = "name,type,messages_ready,messages_unacknowledged,consumers," +
	"message_stats.publish_details.rate,message_stats.deliver_get_details.rate,message_stats.ack_details.rate"

// QueueStats asks the management API for all queues of the virtual host, in the order of their
// names. It blocks until the API has answered, at most 5 s, or ctx is done. The error is
// [ErrNoManagement].
func (c *Client) QueueStats(ctx context.Context) ([]QueueStats, error) {
	type rate struct {
		Rate float64 `json:"rate"`
	}
	var queues []struct {
		Name      string `json:"name"`
		Type      string `json:"type"`
		Ready     int    `json:"messages_ready"`
		Unacked   int    `json:"messages_unacknowledged"`
		Consumers int    `json:"consumers"`
		Stats     struct {
			Publish rate `json:"publish_details"`
			Deliver rate `json:"deliver_get_details"`
			Ack     rate `json:"ack_details"`
		} `json:"message_stats"`
	}
	path := "/api/queues/" + url.PathEscape(c.management.vhost) + "?sort=name&columns=" + queueColumns
	if err := c.management.get(ctx, path, &queues); err != nil {
		return nil, err
	}
	stats := make([]QueueStats, len(queues))
	for i, q := range queues {
		stats[i] = QueueStats{
			Name: q.Name, Type: q.Type, Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers,
			PublishRate: q.Stats.Publish.Rate, DeliverRate: q.Stats.Deliver.Rate, AckRate: q.Stats.Ack.Rate,
		}
	}
	return stats, nil
}
