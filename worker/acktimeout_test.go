package worker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/routing"
)

// fakeTimeouts is a broker of a version, with what its management API tells.
type fakeTimeouts struct {
	version routing.Version
	policy  time.Duration
	err     error
}

func (f fakeTimeouts) Version() routing.Version { return f.version }
func (f fakeTimeouts) Vhost() string            { return "prod" }
func (f fakeTimeouts) ConsumerTimeout(context.Context, string) (time.Duration, error) {
	return f.policy, f.err
}

func TestAckTimeout(t *testing.T) {
	old, policies, asks := routing.Version{Major: 3, Minor: 10}, routing.Version{Major: 3, Minor: 13}, routing.Version{Major: 4, Minor: 3}
	for name, c := range map[string]struct {
		broker  fakeTimeouts
		timeout time.Duration
		limit   time.Duration
		remedy  string // empty: no warning
	}{
		"short":                {fakeTimeouts{version: old}, time.Minute, 30 * time.Minute, ""},
		"no API":               {fakeTimeouts{version: policies, err: errors.New("none")}, time.Minute, 30 * time.Minute, ""},
		"long, by file":        {fakeTimeouts{version: old}, time.Hour, 30 * time.Minute, "consumer_timeout = 5400000 in rabbitmq.conf"},
		"long, by policy":      {fakeTimeouts{version: policies}, time.Hour, 30 * time.Minute, `rabbitmqctl set_policy -p 'prod' --apply-to queues a.b-timeout '^a\\.b$' '{\"consumer-timeout\": 5400000}'`},
		"a policy is there":    {fakeTimeouts{version: policies, policy: 2 * time.Hour}, time.Hour, 2 * time.Hour, ""},
		"a policy that is low": {fakeTimeouts{version: policies, policy: time.Minute}, time.Minute, time.Minute, "consumer-timeout"},
		"asked for":            {fakeTimeouts{version: asks}, 5 * time.Hour, 5*time.Hour + 30*time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			q := &queue{cfg: Queue{Name: "a.b", Timeout: c.timeout}, log: slog.New(slog.NewTextHandler(&log, nil))}
			q.ackLimit, q.asked = q.ackTimeout(t.Context(), c.broker)
			assert.Equal(t, c.limit, q.ackLimit)
			q.warnOfTimeout(c.broker)
			if c.remedy == "" {
				assert.Empty(t, log.String())
			} else {
				assert.Contains(t, log.String(), c.remedy)
			}
		})
	}
}
