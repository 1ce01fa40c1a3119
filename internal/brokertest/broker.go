package brokertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// ErrNotOurs is returned by the methods that stop, start or detach a broker when the broker was
// found running and not started by this package.
var ErrNotOurs = errors.New("brokertest: the broker was found running, not started here")

const (
	closeTimeout = 45 * time.Second
	stopTimeout  = 60 * time.Second
	readyTimeout = 90 * time.Second
)

// Flavour is the kind of thing that a [Broker] runs in.
type Flavour string

// The flavours of brokers.
const (
	// Found is a broker that was running already.
	Found Flavour = "found"
	// Node is a private node: a rabbitmq-server process with a temporary folder of its own.
	Node Flavour = "node"
	// Container is a container of [Image].
	Container Flavour = "container"
)

// Broker is a running RabbitMQ. Its fields do not change: a broker that is stopped and started
// again keeps its addresses. Its methods may be called from several goroutines.
type Broker struct {
	// URL is the AMQP address with credentials, with "/" as its virtual host.
	URL string
	// Management is the address of the management API with credentials, without a trailing
	// slash. It is empty where a found broker does not answer there.
	Management string
	// Console is the same address for a person: without credentials. It is empty where
	// Management is.
	Console string
	// Version is the broker's own, e.g. "3.10.8".
	Version string
	// Source tells in one line how the broker was had.
	Source string
	// Flavour is what the broker runs in.
	Flavour Flavour

	mu     sync.Mutex
	engine engine // nil for a found broker, and after Close and Detach
	closed bool
}

// engine is what a broker that we started runs in. Broker serialises the calls.
type engine interface {
	// start starts the broker again on its old addresses, unless it runs, and waits until it answers.
	start(ctx context.Context) error
	// stop ends the broker cleanly and keeps its data; nothing if it does not run.
	stop(ctx context.Context) error
	// kill ends the broker as kill -9 does and returns when it is gone.
	kill(ctx context.Context) error
	// remove ends the broker and deletes everything that it left.
	remove(ctx context.Context) error
	// detach marks the broker as owned by nobody and lets it run.
	detach(ctx context.Context) error
}

// Close stops and removes a broker that was started here, within 45 s. It does nothing to a found
// or detached broker, nor when called again.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.engine == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := b.engine.remove(ctx); err != nil {
		return fmt.Errorf("brokertest: close %s: %w", b.Source, err)
	}
	b.engine, b.closed = nil, true
	return nil
}

// Stop ends the broker cleanly, within 60 s; its data and addresses are kept for Start. It does
// nothing when the broker is stopped.
func (b *Broker) Stop(ctx context.Context) error {
	return b.with(ctx, "stop", stopTimeout, engine.stop)
}

// Start starts a stopped or killed broker again, with its data and on the same ports, and returns
// when it answers, or with an error after 90 s. Of a broker that runs it only sees that it answers.
func (b *Broker) Start(ctx context.Context) error {
	return b.with(ctx, "start", readyTimeout, engine.start)
}

// Kill ends the broker as kill -9 does, and returns when it is gone. Start brings it back.
func (b *Broker) Kill(ctx context.Context) error {
	return b.with(ctx, "kill", stopTimeout, engine.kill)
}

// Detach gives the broker up: it runs on when this process exits, until [CloseDetached] removes it.
// It is meant for a process that is about to exit.
func (b *Broker) Detach(ctx context.Context) error {
	return b.with(ctx, "detach", stopTimeout, func(e engine, ctx context.Context) error {
		if err := e.detach(ctx); err != nil {
			return err
		}
		b.engine = nil
		return nil
	})
}

// with runs do on the engine of a broker of ours, for at most limit.
func (b *Broker) with(ctx context.Context, verb string, limit time.Duration, do func(engine, context.Context) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return fmt.Errorf("brokertest: %s %s: the broker is closed", verb, b.Source)
	case b.engine == nil:
		return ErrNotOurs
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := do(b.engine, ctx); err != nil {
		return fmt.Errorf("brokertest: %s %s: %w", verb, b.Source, err)
	}
	return nil
}

// started makes the Broker of an engine that answers at the two addresses.
func started(flavour Flavour, e engine, a addresses, version, from string) *Broker {
	return &Broker{
		URL:        a.url,
		Management: a.management,
		Console:    withoutCredentials(a.management),
		Version:    version,
		Source:     fmt.Sprintf("%s (%s)", from, version),
		Flavour:    flavour,
		engine:     e,
	}
}

// addresses are the two that a broker answers at.
type addresses struct {
	url, management string
}

// guestAt returns the addresses of a broker with RabbitMQ's default account.
func guestAt(host string, amqpPort, managementPort int) addresses {
	return addresses{
		url:        fmt.Sprintf("amqp://guest:guest@%s/", hostPort(host, amqpPort)),
		management: fmt.Sprintf("http://guest:guest@%s", hostPort(host, managementPort)),
	}
}

// ready waits until the broker answers at both addresses, and returns its version.
func (a addresses) ready(ctx context.Context) (version string, err error) {
	err = poll(ctx, func(ctx context.Context) error {
		if version, err = handshake(ctx, a.url); err != nil {
			return err
		}
		return managementAt(a.management).overview(ctx)
	})
	return version, err
}

// withoutCredentials returns an address as a person may see it.
func withoutCredentials(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}

// redacted returns an address with its password hidden, and no part of one that is not an address.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}
