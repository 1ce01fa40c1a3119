package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// connection is one AMQP connection. It is never reopened: who holds one after its loss holds
// something that does nothing.
type connection struct {
	*amqp.Connection
	// raw is the socket, closed to end a write that the broker does not read.
	raw *socket
	// transport is what the library reads and writes.
	transport *transport
	// url is the node's address without credentials.
	url string
	// user is who the broker knows us as, empty where a certificate decides.
	user    string
	node    int // its place in Config.URLs
	version routing.Version
	blocked atomic.Bool
}

// heartbeat is what the broker is asked for. The library gives a connection up on which nothing has come for
// one and a half of it, 12 s, and RabbitMQ after two: a node that is cut off without a word costs its
// clients less than 15 s, while each side still misses several heartbeats before it believes that.
const heartbeat = 8 * time.Second

// dial opens a connection to one node, which reads through a headerFilter where filtered says so. ctx
// bounds it, as does the configuration's DialTimeout, handshakes included: a node that is out of
// descriptors accepts and then says nothing.
func dial(ctx context.Context, cfg *Config, rawURL, purpose string, filtered bool) (*connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.DialTimeout, fmt.Errorf("no answer within %s", cfg.DialTimeout))
	defer cancel()
	uri, err := parseURI(rawURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	c := &connection{url: Redact(rawURL), user: uri.Username}
	secure, err := tlsConfig(cfg, &uri)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.url, err)
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(cfg.Name + " " + purpose)
	properties["product"] = "Warren"
	inTime := func() bool { return true } // ends the bound and tells whether it has held
	config := amqp.Config{
		Heartbeat:  heartbeat,
		Properties: properties,
		Dial: func(network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			raw, err := dialer.DialContext(ctx, network, net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)))
			if err != nil {
				return nil, err
			}
			c.raw = &socket{Conn: raw}
			inTime = context.AfterFunc(ctx, func() { _ = raw.Close() }) // the handshakes heed no context
			if c.transport, err = openTransport(ctx, c.raw, secure, filtered); err != nil {
				return nil, err
			}
			return c.transport, nil
		},
	}
	if cfg.TLS != nil {
		hasCertificate := len(cfg.TLS.Certificates) > 0 || cfg.TLS.GetClientCertificate != nil
		if hasCertificate && !hasUser(rawURL) {
			config.SASL, c.user = []amqp.Authentication{&amqp.ExternalAuth{}}, ""
		}
	}
	_, rest, _ := strings.Cut(rawURL, ":")
	c.Connection, err = amqp.DialConfig("amqp:"+rest, config) // TLS is the stream's affair

	if !inTime() { // the library would take the closed socket for refused credentials
		err = context.Cause(ctx)
	}
	if err != nil {
		if c.raw != nil {
			_ = c.raw.Close() // ends the library's goroutines
		}
		return nil, fmt.Errorf("connect to %s: %w", c.url, err)
	}
	if filtered {
		c.transport.filter.maxFrame.Store(int64(c.Config.FrameSize))
	}
	version, _ := c.Properties["version"].(string)
	if c.version, err = routing.ParseVersion(version); err != nil {
		c.abort()
		return nil, fmt.Errorf("connect to %s: %w", c.url, err)
	}
	return c, nil
}

func hasUser(rawURL string) bool {
	u, err := url.Parse(rawURL)
	return err == nil && u.User != nil
}

// errLogIn: every node has refused the log-in, or closed the socket during it, which the library
// does not tell apart.
var errLogIn = errors.New("log-in refused or cut short")

// nodes knows which of a client's nodes took its newest connection. One that hangs costs whoever tries
// it a whole DialTimeout, so the next connection begins with one that is known to answer.
type nodes struct{ newest atomic.Int64 }

// first is the place in Config.URLs to begin at.
func (n *nodes) first() int { return int(n.newest.Load()) }

// dialAny tries the nodes in turn, the first-th first. Where all of them refuse us the error is
// errLogIn.
func dialAny(ctx context.Context, cfg *Config, first int, purpose string, filtered bool) (*connection, error) {
	var failures []error
	refused := true
	for i := range cfg.URLs {
		node := (first + i) % len(cfg.URLs)
		c, err := dial(ctx, cfg, cfg.URLs[node], purpose, filtered)
		if err == nil {
			c.node = node
			cfg.nodes.newest.Store(int64(node))
			return c, nil
		}
		failures = append(failures, err)
		refused = refused && isRefusal(err)
		if ctx.Err() != nil {
			break
		}
	}
	if refused {
		return nil, fmt.Errorf("%w: %w", errLogIn, errors.Join(failures...))
	}
	return nil, errors.Join(failures...)
}

// closeTimeout bounds a clean close, after which the socket is closed under it.
const closeTimeout = 2 * time.Second

// shut closes the connection cleanly where the broker answers in time, else by its socket.
func (c *connection) shut() {
	timer := time.AfterFunc(closeTimeout, func() { _ = c.raw.Close() })
	defer timer.Stop()
	_ = c.CloseDeadline(time.Now().Add(closeTimeout)) // gone either way
}

// closeAfter closes the socket some time after ctx is done, unless stop is called before ctx is:
// neither a write nor a call that waits for the broker's answer heeds a context.
func (c *connection) closeAfter(ctx context.Context, grace time.Duration) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { _ = c.raw.Close() })
	})
}

// abort closes the connection without a word to the broker. Writes that hang return.
func (c *connection) abort() {
	_ = c.raw.Close()
	_ = c.CloseDeadline(time.Now()) // lets the library's goroutines end
}

// isRefusal reports whether the broker refuses the credentials or the virtual host.
func isRefusal(err error) bool {
	return isCode(err, amqp.AccessRefused) || isCode(err, amqp.NotAllowed)
}
