package broker

import (
	"context"
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// Browse shows the letters of a dead-letter queue or of the unrouted queue from the head, each
// once, without taking them away: all of them where limit is below 1, else at most limit, until
// each returns false. A letter whose headers cannot be read has none but tasks.HeaderError, which says
// why. Browse returns when every letter is back, in the order in which it lay. It is a [Client.Sift] that
// removes nothing, and all that is said there holds: how long it blocks, what others see meanwhile, and the errors.
func (c *Client) Browse(ctx context.Context, queue string, limit int, each func(tasks.Message) bool) error {
	_, err := c.sift(ctx, queue, limit, func(l *tasks.Letter) bool {
		l.Leave()
		return each(l.Shown())
	})
	if err != nil {
		return fmt.Errorf("browse %s: %w", queue, err)
	}
	return nil
}
