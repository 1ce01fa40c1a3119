package broker

import (
	"context"
	"net/url"
	"time"
)

// ConsumerTimeout asks the management API for the acknowledgement timeout that a policy or an
// argument sets for a queue: the lower of the two, 0 where neither does, so that the broker's own
// holds (consumer_timeout, 30 minutes unless configured, which the API does not tell). It blocks
// until the API has answered, at most 5 s, or ctx is done. The error is [ErrNoManagement].
func (c *Client) ConsumerTimeout(ctx context.Context, queue string) (time.Duration, error) {
	var q struct {
		Policy struct {
			Timeout float64 `json:"consumer-timeout"`
		} `json:"effective_policy_definition"`
		Arguments struct {
			Timeout float64 `json:"x-consumer-timeout"`
		} `json:"arguments"`
	}
	path := "/api/queues/" + url.PathEscape(c.management.vhost) + "/" + url.PathEscape(queue)
	if err := c.management.get(ctx, path, &q); err != nil {
		return 0, err
	}
	timeout := q.Policy.Timeout
	if argument := q.Arguments.Timeout; argument > 0 && (timeout == 0 || argument < timeout) {
		timeout = argument
	}
	return time.Duration(timeout) * time.Millisecond, nil
}
