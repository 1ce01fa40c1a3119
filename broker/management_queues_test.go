//go:build integration

package broker_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
)

func TestQueueStats(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"), queue(t, "image", "image.#"))
	f.enqueue("email.1", "email.2", "email.3")
	deliveries := make(chan *broker.Delivery, 1)
	f.consume(f.client, "email", 1, func(d *broker.Delivery) { deliveries <- d })
	receive(t, deliveries, "a task")
	f.consume(f.client, "image", 10, func(d *broker.Delivery) { assert.NoError(t, d.Ack()) })
	require.Eventually(t, func() bool { // the API's numbers come every few seconds
		f.enqueue("image.1") // a rate wants something to happen all the time
		email, image := f.stats("email"), f.stats("image")
		return email.Ready == 2 && email.Unacked == 1 && email.Consumers == 1 &&
			image.PublishRate > 0 && image.DeliverRate > 0 && image.AckRate > 0
	}, patience, 200*time.Millisecond)
	assert.Contains(t, []string{"quorum", "classic"}, f.stats("email").Type)
}

// stats returns what the management API tells of a queue.
func (f *fixture) stats(queue string) broker.QueueStats {
	f.t.Helper()
	stats, err := f.client.QueueStats(f.ctx)
	require.NoError(f.t, err)
	for _, q := range stats {
		if q.Name == queue {
			return q
		}
	}
	require.Fail(f.t, "not among the queues", queue)
	return broker.QueueStats{}
}

func TestQueueStatsWithoutManagement(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, address := range map[string]string{
		"not configured": "", "nobody there": "http://guest:sesame@127.0.0.1:1",
		"wrong password": strings.Replace(f.vhost.Management, "guest:guest", "guest:sesame", 1),
	} {
		client := f.connect(func(c *broker.Config) { c.Management = address })
		_, err := client.QueueStats(f.ctx)
		require.ErrorIs(t, err, broker.ErrNoManagement, name)
		assert.NotContains(t, err.Error(), "sesame")
	}
}

// put writes to the broker's management API.
func (f *fixture) put(path string, value any) {
	f.t.Helper()
	body, err := json.Marshal(value)
	require.NoError(f.t, err)
	status, answer := f.ask(http.MethodPut, path, body)
	require.Less(f.t, status, 300, answer)
}

// has reports whether what the management API tells of a path contains a text.
func (f *fixture) has(path, text string) bool {
	f.t.Helper()
	status, answer := f.ask(http.MethodGet, path, nil)
	require.Less(f.t, status, 300, answer)
	return strings.Contains(answer, text)
}

func (f *fixture) ask(method, path string, body []byte) (status int, answer string) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.ctx, method, f.vhost.Management+path, bytes.NewReader(body))
	require.NoError(f.t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(f.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return response.StatusCode, string(text)
}
