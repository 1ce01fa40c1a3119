package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/broker"
)

var errAway = errors.New("away")

// asks is a source that answers after a time, and counts how often it is asked.
type asks struct {
	count  int
	takes  time.Duration
	err    error
	depths map[string]broker.Depth
}

func (a *asks) ask(ctx context.Context, queues ...string) (map[string]broker.Depth, error) {
	a.count++
	select {
	case <-time.After(a.takes):
		return a.depths, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *asks) stats(ctx context.Context) ([]broker.QueueStats, error) {
	depths, err := a.ask(ctx)
	var stats []broker.QueueStats
	for name, d := range depths {
		stats = append(stats, broker.QueueStats{Name: name, Ready: d.Ready, Unacked: 7, Consumers: d.Consumers, AckRate: 1.5})
	}
	return stats, err
}

func depthsOf(log *bytes.Buffer, sources ...DepthSource) *Depths {
	return NewDepths(DepthConfig{
		Queues: []string{"email", "import"}, Dead: func(queue string) string { return queue + ".dead" }, Parked: "warren.unrouted",
		Sources: sources, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

// lines is what a scrape shows, in a line, and how long it took.
func lines(t *testing.T, c prometheus.Collector) (shown string, took time.Duration) {
	t.Helper()
	began := time.Now()
	text := scrape(t, c)
	took = time.Since(began)
	synctest.Wait() // for who is asked
	var values []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			values = append(values, strings.NewReplacer("warren_", "", "queue_", "", "queue=", "", "source=", "", `"`, "", "\n", "").Replace(line))
		}
	}
	return strings.Join(values, ", "), took
}

const upToNow = "depth_up{amqp} 1, parked 4, consumers{email} 3, dead{email} 2, ready{email} 10"

func told() map[string]broker.Depth {
	return map[string]broker.Depth{"email": {Ready: 10, Consumers: 3}, "email.dead": {Ready: 2}, "warren.unrouted": {Ready: 4}}
}

func TestDepths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		managed, amqp := &asks{depths: told()}, &asks{depths: told()}
		d := depthsOf(log, Management(managed.stats), AMQP(amqp.ask))
		defer d.Close()
		golden(t, d, "depths.txt")
		managed.err, managed.depths = errAway, nil
		for range 10 {
			shown, took := lines(t, d)
			assert.Contains(t, shown, "depth_up{management} 1, ")
			assert.Zero(t, took)
		}
		assert.Equal(t, 1, managed.count, "whatever the number of scrapes")
		assert.Zero(t, amqp.count)

		<-time.After(depthEvery) // by the clock of the bubble
		shown, _ := lines(t, d)
		assert.Equal(t, strings.Replace(upToNow, "depth_up{amqp} 1", "depth_up{amqp} 1, depth_up{management} 0", 1), shown, "the next source")
		assert.Equal(t, 1, amqp.count)
	})
}

// A RabbitMQ that is away, or answers late, or not at all, holds up no scrape for longer than the patience,
// and only one.
func TestDepthsThatAreNotAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		amqp := &asks{depths: told(), takes: depthPatience / 2}
		d := depthsOf(log, AMQP(amqp.ask))
		defer d.Close()
		look := func(after time.Duration, want string, wait time.Duration) {
			t.Helper()
			<-time.After(after) // by the clock of the bubble
			shown, took := lines(t, d)
			assert.Equal(t, want, shown)
			assert.Equal(t, wait, took)
		}
		look(0, upToNow, depthPatience/2)

		amqp.takes = time.Hour
		look(depthEvery, upToNow, depthPatience)
		look(0, upToNow, 0)
		assert.Equal(t, 2, amqp.count, "no second question while one is open")
		look(depthTimeout, upToNow, 0)
		assert.Equal(t, 3, amqp.count)
		amqp.takes, amqp.depths, amqp.err = 0, nil, fmt.Errorf("depths: %w", errAway)
		look(depthKept, "depth_up{amqp} 0", 0)
		assert.Equal(t, 1, strings.Count(log.String(), "level=WARN"))

		amqp.depths, amqp.err = told(), nil
		<-time.After(depthEvery) // by the clock of the bubble
		_, _ = lines(t, d)       // does not wait, and asks
		look(0, upToNow, 0)
		assert.Contains(t, log.String(), "works again")
	})
}

// A queue that may not be seen is absent, and the others are there.
func TestDepthsOfSome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		d := depthsOf(log, AMQP((&asks{depths: told(), err: fmt.Errorf("queue import: %w", broker.ErrRefused)}).ask))
		defer d.Close()
		shown, _ := lines(t, d)
		assert.Equal(t, upToNow, shown)
		assert.Contains(t, log.String(), "queue import: refused for good")
	})
}

func TestDepthsAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		amqp := &asks{takes: time.Hour}
		d := depthsOf(log, AMQP(amqp.ask))
		_, took := lines(t, d)
		assert.Equal(t, depthPatience, took)
		d.Close()
		d.Close()
		shown, took := lines(t, d)
		assert.Equal(t, "depth_up{amqp} 0", shown)
		assert.Zero(t, took)
		assert.Equal(t, 1, amqp.count)
		assert.Empty(t, log.String())
	})
}
