//go:build integration

package brokertest

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// A node that is stopped, killed and started again keeps its addresses and its messages; detached,
// it runs on until it is removed.
func TestNodeLife(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	b, err := Start(t.Context(), Node, Options{Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	n := b.engine.(*node)
	t.Cleanup(func() { n.remove(context.Background()) })
	exerciseLife(t, b)
	exerciseDetach(t, b, removeAbandonedNodes)
	if _, err := os.Stat(string(n.folder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the removed node: %v, want it gone", err)
	}
}

// A node that finds its port taken says so.
func TestNodePortTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().(*net.TCPAddr).Port
	server, err := findServer()
	if err != nil {
		t.Fatal(err)
	}
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	b, err := startNodeOn(t.Context(), Options{}, aloneSettings(), server, nodePorts{amqp: ports[0], dist: taken, management: ports[1]})
	if err == nil {
		b.Close()
	}
	if !errors.Is(err, errPortTaken) {
		t.Errorf("error %v, want errPortTaken", err)
	}
}

// A broker that is closed is gone, and stays so.
func TestPrivateClose(t *testing.T) {
	b := Private(t)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	mustBeGone(t, b)
	if err := b.Start(t.Context()); err == nil || errors.Is(err, ErrNotOurs) {
		t.Errorf("Start of a closed broker: %v", err)
	}
}

func TestSharedVhosts(t *testing.T) {
	one, two := NewVhost(t), NewVhost(t)
	if one.Broker != two.Broker || one.Name == two.Name {
		t.Fatalf("virtual hosts %+v and %+v, want two on one broker", one, two)
	}
	publish(t, one.URL, "q")
	if got := depth(t, one.URL, "q"); got != 1 {
		t.Errorf("%d messages where one was published", got)
	}
	if got := depth(t, two.URL, "q"); got != 0 {
		t.Errorf("%d messages in the other virtual host", got)
	}
}

func TestHandshakeRefused(t *testing.T) {
	url := strings.Replace(Shared(t).URL, "guest:guest", "guest:wrong", 1)
	if _, err := handshake(t.Context(), url); err == nil {
		t.Error("a wrong password was taken")
	}
}

// A client behind a proxy loses its connection when that is cut, and can have another.
func TestProxyOfBroker(t *testing.T) {
	p := NewProxy(t, NewVhost(t).URL)
	conn, err := amqp.Dial(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	lost := conn.NotifyClose(make(chan *amqp.Error, 1))
	p.Cut()
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the client does not know that it was cut off")
	}
	publish(t, p.URL(), "q")
}
