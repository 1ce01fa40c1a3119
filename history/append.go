package history

import (
	"context"
	"fmt"
)

// Append appends events as one record and blocks until it is kept: what an operator does, each time
// once. The errors are the appender's, which leave open whether it is.
func Append(ctx context.Context, to Appender, stream string, events ...Event) error {
	var body []byte
	for i := range events {
		body = append(events[i].append(body), '\n')
	}
	if len(body) == 0 {
		return nil
	}
	if err := to.Append(ctx, stream, body); err != nil {
		return fmt.Errorf("append to the history: %w", err)
	}
	return nil
}
