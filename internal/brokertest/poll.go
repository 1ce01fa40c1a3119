package brokertest

import (
	"context"
	"fmt"
	"time"
)

const pollInterval = 200 * time.Millisecond

// poll calls probe until it succeeds or ctx ends; then the error tells both that and the last
// answer.
func poll(ctx context.Context, probe func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}
