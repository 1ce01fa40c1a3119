//go:build integration

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

func TestMain(m *testing.M) { brokertest.Main(m) }

const (
	patience  = 30 * time.Second
	pollEvery = 50 * time.Millisecond
)

// site is a virtual host with a configuration whose topology is declared.
type site struct {
	environment
	t      *testing.T
	ctx    context.Context
	vhost  brokertest.Vhost
	client *broker.Client
	path   string
}

func newSite(t *testing.T) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	s := &site{t: t, ctx: ctx, vhost: brokertest.NewVhost(t)}
	s.variables = map[string]string{"WARREN_URL": s.vhost.URL, "MANAGEMENT": s.vhost.Management}
	s.path = file(t, "broker: {management: '${MANAGEMENT}'}\nqueues: {email: {routes: ['email.#']}, bulk: {routes: ['bulk.#'], type: classic}}\n")
	cfg, err := config.LoadEnv(s.path, s.lookup)
	require.NoError(t, err)
	s.client, err = broker.Connect(ctx, broker.Config{URLs: []string{s.vhost.URL}})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	require.NoError(t, s.client.Declare(ctx, cfg.Spec()))
	return s
}

func (s *site) run(args ...string) outcome { return s.environment.run(s.ctx, args...) }

// take takes one message of a queue.
func (s *site) take(queue string) tasks.Message {
	s.t.Helper()
	taken := make(chan tasks.Message, 1)
	consumer, err := s.client.NewConsumer(broker.ConsumerConfig{Queue: queue, Prefetch: 1, Deliver: func(d *broker.Delivery) {
		select {
		case taken <- d.Message:
			assert.NoError(s.t, d.Ack())
		default:
			assert.NoError(s.t, d.Requeue())
		}
	}})
	require.NoError(s.t, err)
	defer consumer.Close()
	select {
	case m := <-taken:
		require.NoError(s.t, consumer.Cancel(s.ctx))
		return m
	case <-s.ctx.Done():
		require.FailNow(s.t, "nothing in "+queue)
		return tasks.Message{}
	}
}

// api makes a request to the management API, below a path of the virtual host's.
func (s *site) api(method, kind, rest string, body any) {
	s.t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(s.t, err)
	address := fmt.Sprintf("%s/api/%s/%s/%s", s.vhost.Management, kind, url.PathEscape(s.vhost.Name), rest)
	request, err := http.NewRequestWithContext(s.ctx, method, address, strings.NewReader(string(encoded)))
	require.NoError(s.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	require.Less(s.t, response.StatusCode, 300, "%s %s: %s", method, rest, response.Status)
}
