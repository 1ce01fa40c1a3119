package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/warrenmq/warren/streams"
	"github.com/warrenmq/warren/tasks"
)

// Append appends records to a stream, in their order, and blocks until the broker has confirmed all of
// them, ctx is done, or for the client's PublishTimeout no record was confirmed. Many are sent without
// waiting for each other. They carry the client's user, the time, and the content type
// application/json.
//
// An error is that of the first record that was not confirmed, a [*PublishError], [ErrUnroutable] where
// there is no such stream; others may have been appended, and will be twice where all are appended
// again. To append needs the permission to write to the default exchange, as every retry does.
func (c *Client) Append(ctx context.Context, stream string, records ...[]byte) error {
	many := recordCargo{c, stream, records}
	if len(records) == 1 {
		m, _ := many.encode(0)
		return appended(stream, c.Publish(ctx, m))
	}
	for _, outcome := range newBatch(c, &many).run(ctx) {
		if outcome.Err != nil {
			return appended(stream, outcome.Err)
		}
	}
	return nil
}

func appended(stream string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("append to %s: %w", stream, err)
}

// appendMarker appends a marker that a reader will know by its value.
func (c *Client) appendMarker(ctx context.Context, stream, value string) error {
	m := c.record(stream, nil)
	m.ContentType = ""
	m.SetHeader(streams.HeaderMarker, value)
	return appended(stream, c.Publish(ctx, m))
}

func (c *Client) record(stream string, body []byte) tasks.Message {
	return tasks.Message{
		RoutingKey: stream, ContentType: "application/json", Timestamp: time.Now(), UserID: c.user, Body: body,
	}
}

// recordCargo are records of one stream.
type recordCargo struct {
	client  *Client
	stream  string
	records [][]byte
}

func (r *recordCargo) count() int { return len(r.records) }

func (r *recordCargo) encode(i int) (tasks.Message, error) {
	return r.client.record(r.stream, r.records[i]), nil
}

func (r *recordCargo) address(int) (id, exchange, key string) { return "", "", r.stream }
