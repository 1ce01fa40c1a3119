//go:build integration

package broker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

func TestDeclareTwice(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.declare(queue(t, "email", "email.#"), queue(t, "image", "image.*"))
	f.declare(queue(t, "email", "email.#"), queue(t, "image", "image.*"))
}

func TestDeclareAdoptsTheOtherType(t *testing.T) {
	t.Parallel()
	for _, existing := range []routing.QueueType{routing.Classic, routing.Quorum} {
		f := setup(t)
		spec := queue(t, "email", "email.#")
		spec.Type = existing
		f.declare(spec)
		spec.Type = routing.Auto
		f.declare(spec)
		f.enqueue("email.x")
	}
}

func TestDeclareDoesNotInsistOnTuning(t *testing.T) {
	t.Parallel()
	f := setup(t)
	args := workArguments(f, routing.Quorum)
	delete(args, routing.ArgDeliveryLimit)
	delete(args, routing.ArgDisconnectedTimeout)
	f.declareQueue("email", args)
	f.declare(queue(t, "email", "email.#"))
}

// workArguments are those that a work queue named email would be declared with.
func workArguments(f *fixture, kind routing.QueueType) amqp.Table {
	args := amqp.Table{}
	for name, value := range routing.WorkArguments(f.client.Names(), "email", kind, routing.Broker{Version: f.client.Version()}) {
		args[name] = value
	}
	return args
}

func (f *fixture) declareQueue(name string, args amqp.Table) {
	f.t.Helper()
	f.channel(func(ch *amqp.Channel) {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		require.NoError(f.t, err)
	})
}

func TestDriftNamesThePlace(t *testing.T) {
	t.Parallel()
	f := setup(t)
	try := func(spec routing.QueueSpec) *broker.DriftError {
		t.Helper()
		err := f.client.Declare(f.ctx, routing.Spec{Queues: []routing.QueueSpec{spec}})
		require.ErrorIs(t, err, broker.ErrDrift)
		var drift *broker.DriftError
		require.ErrorAs(t, err, &drift)
		return drift
	}

	t.Run("a type that was asked for", func(t *testing.T) {
		f.declareQueue("typed", amqp.Table{"x-queue-type": "classic"})
		spec := queue(t, "typed")
		spec.Type = routing.Quorum
		drift := try(spec)
		assert.Equal(t, "typed", drift.Name)
		assert.Greater(t, len(drift.Others), 1, "all differences are told: %v", drift.Others)
	})
	t.Run("another dead-letter exchange", func(t *testing.T) {
		args := workArguments(f, routing.Quorum)
		args[routing.ArgDeadLetterExchange] = "elsewhere"
		f.declareQueue("email", args)
		drift := try(queue(t, "email"))
		assert.Equal(t, routing.ArgDeadLetterExchange, drift.Argument)
		assert.Equal(t, "elsewhere", drift.Have)
		assert.Equal(t, "warren.dead", drift.Want)
		assert.ErrorContains(t, drift, `queue "email" exists with x-dead-letter-exchange elsewhere, and warren.dead was asked for`)
	})
	t.Run("another delivery limit", func(t *testing.T) {
		args := workArguments(f, routing.Quorum)
		args[routing.ArgDeadLetterRoutingKey] = "limited"
		args[routing.ArgDeliveryLimit] = int64(7)
		f.declareQueue("limited", args)
		drift := try(queue(t, "limited"))
		assert.Equal(t, routing.ArgDeliveryLimit, drift.Argument)
		assert.Equal(t, "7", drift.Have)
	})
	t.Run("no arguments at all", func(t *testing.T) {
		f.declareQueue("plain", nil)
		drift := try(queue(t, "plain"))
		assert.Equal(t, "none", drift.Have)
	})
	t.Run("an exchange of another type", func(t *testing.T) {
		f := setup(t)
		f.channel(func(ch *amqp.Channel) {
			require.NoError(t, ch.ExchangeDeclare("warren.tasks", "direct", true, false, false, false, nil))
		})
		err := f.client.Declare(f.ctx, routing.Spec{})
		var drift *broker.DriftError
		require.ErrorAs(t, err, &drift)
		assert.Equal(t, "exchange", drift.Kind)
		assert.Equal(t, "direct", drift.Have)
		assert.Equal(t, "topic", drift.Want)
	})
}

func TestDeclareRefusesAnInvalidSpec(t *testing.T) {
	t.Parallel()
	f := setup(t)
	err := f.client.Declare(f.ctx, routing.Spec{Queues: []routing.QueueSpec{{Name: "email.dead"}}})
	require.ErrorIs(t, err, routing.ErrInvalidQueue)
}

func TestDeclareWaitsForABrokerThatIsAway(t *testing.T) {
	t.Parallel()
	f := setup(t)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	log := make(chan string, 100)
	client := f.connect(func(c *broker.Config) {
		c.URLs, c.Log = []string{proxy.URL()}, slog.New(slog.NewTextHandler(writer(log), nil))
	})
	proxy.Refuse(true)
	declared := make(chan error, 1)
	go func() { declared <- client.Declare(f.ctx, routing.Spec{}) }()
	for !strings.Contains(receive(t, log, "a warning"), "trying again") {
		continue
	}
	proxy.Refuse(false)
	require.NoError(t, receive(t, declared, "the declaration"))

	proxy.Refuse(true)
	ctx, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, client.Declare(ctx, routing.Spec{}), broker.ErrNotConnected)
}

// writer is a log that can be read line by line; what nobody reads is dropped.
type writer chan string

func (w writer) Write(p []byte) (int, error) {
	select {
	case w <- string(p):
	default:
	}
	return len(p), nil
}

// A connection that is lost in the middle of it, as it is by a broker that restarts, is no reason to
// give up.
func TestDeclareOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	f := setup(t)
	proxy := brokertest.NewProxy(t, f.vhost.URL)
	client := f.connect(func(c *broker.Config) { c.URLs = []string{proxy.URL()}; c.BackoffMin = time.Millisecond })
	declared := make(chan error, 1)
	spec := routing.Spec{Queues: []routing.QueueSpec{queue(t, "email", "email.#")}}
	go func() { declared <- client.Declare(f.ctx, spec) }()
	require.Eventually(t, func() bool {
		depths, err := f.client.Depths(f.ctx, "warren.unrouted")
		require.NoError(t, err)
		return len(depths) == 1
	}, patience, time.Millisecond, "it has begun")
	proxy.Cut()
	require.NoError(t, receive(t, declared, "the end of it"))
}
