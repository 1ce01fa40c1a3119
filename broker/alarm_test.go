//go:build integration

package broker_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/tasks"
)

// An alarm blocks publishers: what is not sent when the context ends is ErrBlocked alone, what was
// sent may have arrived. Consumers go on, and publishers too once the alarm is over.
func TestAlarm(t *testing.T) {
	t.Parallel()
	b := brokertest.Private(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	vhost, err := b.NewVhost(ctx, "alarm")
	require.NoError(t, err)
	f := &fixture{t: t, ctx: ctx, vhost: vhost}
	f.client = f.connect()
	f.declare(queue(t, "email", "email.#"))
	f.enqueue("email.before")
	alarm(t, b, true)

	brief, cancelBrief := context.WithTimeout(ctx, 2*time.Second)
	defer cancelBrief()
	for { // the broker blocks a connection when that publishes
		if _, err = f.client.Enqueue(brief, tasks.Task{Key: "email.first"}); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, broker.ErrBlocked)
	require.ErrorIs(t, f.client.Ready(), broker.ErrBlocked)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			_, err := f.client.Enqueue(short, tasks.Task{Key: "email.not", Payload: make([]byte, 1<<20)})
			assert.ErrorIs(t, err, broker.ErrBlocked)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, broker.ErrUnconfirmed, "it was not sent")
		})
	}
	all.Go(func() {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		for _, outcome := range f.client.EnqueueMany(short, slices.Repeat([]tasks.Task{{Key: "email.not"}}, 5000)) {
			assert.ErrorIs(t, outcome.Err, broker.ErrBlocked)
			assert.ErrorIs(t, outcome.Err, context.DeadlineExceeded)
			assert.NotErrorIs(t, outcome.Err, broker.ErrUnconfirmed, "it was not sent")
		}
	})
	all.Wait()
	abandoned := enqueueAbandoned(ctx, t, f.client)
	require.Eventually(t, func() bool {
		runtime.GC()
		return abandoned.Value() == nil
	}, patience, time.Millisecond, "the payload of a task that its caller has given up")

	keys := make(chan string, 100)
	f.consume(f.client, "email", 10, func(d *broker.Delivery) {
		keys <- d.Message.RoutingKey
		assert.NoError(t, d.Ack())
	})
	require.Equal(t, "email.before", receive(t, keys, "what was published before, during the alarm"))

	late := make(chan error, 1)
	go func() {
		_, err := f.client.Enqueue(ctx, tasks.Task{Key: "email.late"})
		late <- err
	}()
	other := f.connect()
	stuck := make(chan error, 1)
	go func() {
		_, err := other.Enqueue(ctx, tasks.Task{Key: "email.first"})
		for err == nil {
			_, err = other.Enqueue(ctx, tasks.Task{Key: "email.first"})
		}
		stuck <- err
	}()
	require.Eventually(t, func() bool { return errors.Is(other.Ready(), broker.ErrBlocked) }, patience, time.Millisecond)
	within(t, prompt, "Close of a blocked client", other.Close)
	err = receive(t, stuck, "the answer of a closed client")
	assert.True(t, errors.Is(err, broker.ErrClosed) || errors.Is(err, broker.ErrUnconfirmed), "%v", err)
	assert.Empty(t, late, "the first client is still blocked")

	alarm(t, b, false)
	require.NoError(t, receive(t, late, "what waited for the end of the alarm"))
	for key := ""; key != "email.late"; key = receive(t, keys, "what was published after the alarm") {
		assert.NotEqual(t, "email.not", key)
	}
	require.NoError(t, f.client.Ready())
}

// enqueueAbandoned enqueues a task that is not sent in time, and returns where its payload was.
func enqueueAbandoned(ctx context.Context, t *testing.T, client *broker.Client) weak.Pointer[[1 << 20]byte] {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	payload := new([1 << 20]byte)
	_, err := client.Enqueue(short, tasks.Task{Key: "email.not", Payload: payload[:]})
	require.ErrorIs(t, err, broker.ErrBlocked)
	return weak.Make(payload)
}

// alarm sets or clears the memory alarm of a broker that is the test's own.
func alarm(t *testing.T, b *brokertest.Broker, on bool) {
	t.Helper()
	expression := "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."
	if on {
		expression = "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."
	}
	output, err := control(t, b, "eval", expression).CombinedOutput()
	require.NoError(t, err, string(output))
}

// control is rabbitmqctl on a broker's node, found by the broker's port.
func control(t *testing.T, b *brokertest.Broker, args ...string) *exec.Cmd {
	t.Helper()
	u, err := url.Parse(b.URL)
	require.NoError(t, err)
	if b.Flavour == brokertest.Container {
		id, err := exec.Command("docker", "ps", "--quiet", "--filter", "publish="+u.Port()).Output()
		require.NoError(t, err)
		return exec.Command("docker", append([]string{"exec", strings.TrimSpace(string(id)), "rabbitmqctl"}, args...)...)
	}
	configurations, err := filepath.Glob(filepath.Join(os.TempDir(), "warren-rabbitmq-*", "rabbitmq.conf"))
	require.NoError(t, err)
	for _, path := range configurations {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "listeners.tcp.default = 127.0.0.1:"+u.Port()+"\n") {
			continue // another test's, or gone
		}
		folder := filepath.Dir(path)
		node, err := filepath.Glob(filepath.Join(folder, "data", "*@localhost"))
		require.NoError(t, err)
		require.Len(t, node, 1)
		cmd := exec.Command("rabbitmqctl", append([]string{"-n", filepath.Base(node[0])}, args...)...)
		if path, err := exec.LookPath("/usr/lib/rabbitmq/bin/rabbitmqctl"); err == nil {
			cmd.Path, cmd.Err = path, nil // not Debian's wrapper, which changes the user
		}
		cmd.Env = append(os.Environ(), "HOME="+filepath.Join(folder, "home"))
		return cmd
	}
	require.FailNow(t, "no node listens on port "+u.Port())
	return nil
}
