//go:build integration

package brokertest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// exerciseLife stops, kills and restarts a broker of ours.
func exerciseLife(t *testing.T, b *Broker) {
	t.Helper()
	url, management := b.URL, b.Management
	publish(t, url, "kept")
	for _, resource := range []string{Memory, Disk} {
		from, to, err := b.HoldAlarm(resource, 50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if lasted := to.Sub(from); lasted < 50*time.Millisecond {
			t.Fatalf("the %s alarm lasted %s", resource, lasted)
		}
	}
	for _, end := range []struct {
		name string
		do   func(context.Context) error
	}{{"Stop", b.Stop}, {"Kill", b.Kill}} {
		for range 2 {
			if err := end.do(t.Context()); err != nil {
				t.Fatalf("%s: %v", end.name, err)
			}
		}
		mustBeGone(t, b)
		for range 2 {
			if err := b.Start(t.Context()); err != nil {
				t.Fatalf("Start after %s: %v", end.name, err)
			}
		}
		if b.URL != url || b.Management != management {
			t.Fatalf("after %s the broker moved to %s", end.name, b.URL)
		}
		if err := managementAt(management).overview(t.Context()); err != nil {
			t.Fatalf("after %s: %v", end.name, err)
		}
		if got := depth(t, url, "kept"); got != 1 {
			t.Fatalf("after %s the queue has %d messages, want 1", end.name, got)
		}
	}
}

// exerciseDetach gives a broker up and removes it as CloseDetached does.
func exerciseDetach(t *testing.T, b *Broker, removeAbandoned func(context.Context, io.Writer, abandoned) error) {
	t.Helper()
	if err := b.Detach(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(t.Context()); !errors.Is(err, ErrNotOurs) {
		t.Errorf("Stop of a detached broker: %v, want ErrNotOurs", err)
	}
	if err := removeAbandoned(t.Context(), t.Output(), orphaned); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t.Context(), b.URL); err != nil {
		t.Fatalf("a detached broker: %v", err)
	}
	if err := removeAbandoned(t.Context(), t.Output(), detached); err != nil {
		t.Fatal(err)
	}
	mustBeGone(t, b)
}

func mustBeGone(t *testing.T, b *Broker) {
	t.Helper()
	if _, err := handshake(t.Context(), b.URL); err == nil {
		t.Fatalf("%s still answers", b.URL)
	}
}

func publish(t *testing.T, url, queue string) {
	t.Helper()
	onChannel(t, url, func(ch *amqp.Channel) {
		declare(t, ch, queue)
		if err := ch.Confirm(false); err != nil {
			t.Fatal(err)
		}
		message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("{}")}
		confirm, err := ch.PublishWithDeferredConfirm("", queue, true, false, message)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if ok, err := confirm.WaitContext(ctx); !ok || err != nil {
			t.Fatalf("not confirmed: %v", err)
		}
	})
}

func depth(t *testing.T, url, queue string) (messages int) {
	t.Helper()
	onChannel(t, url, func(ch *amqp.Channel) { messages = declare(t, ch, queue).Messages })
	return messages
}

func declare(t *testing.T, ch *amqp.Channel, queue string) amqp.Queue {
	t.Helper()
	q, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "classic"})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func onChannel(t *testing.T, url string, do func(*amqp.Channel)) {
	t.Helper()
	conn, err := amqp.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	do(ch)
}
