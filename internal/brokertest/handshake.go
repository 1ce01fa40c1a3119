package brokertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const handshakeTimeout = 5 * time.Second

var (
	errNotAMQP     = errors.New("not an amqp:// or amqps:// address")
	errNotRabbitMQ = errors.New("answers AMQP but is not RabbitMQ")
	errSilent      = fmt.Errorf("takes connections but has not answered AMQP in %s", handshakeTimeout)
)

// handshake opens an AMQP connection and closes it, and returns the version that the broker told.
// A server that accepts the connection and stays silent is given 5 s.
func handshake(ctx context.Context, url string) (version string, err error) {
	if _, err := amqp.ParseURI(url); err != nil {
		// The library's error would show the credentials.
		return "", errNotAMQP
	}
	ctx, cancel := context.WithTimeoutCause(ctx, handshakeTimeout, errSilent)
	defer cancel()
	var raw net.Conn
	interrupt := func() bool { return true }
	conn, err := amqp.DialConfig(url, amqp.Config{
		Dial: func(network, address string) (net.Conn, error) {
			var dialer net.Dialer
			var err error
			if raw, err = dialer.DialContext(ctx, network, address); err == nil {
				interrupt = context.AfterFunc(ctx, func() { raw.Close() })
			}
			return raw, err
		},
	})
	interrupted := !interrupt()
	if err != nil {
		if raw != nil {
			raw.Close()
		}
		if interrupted {
			err = context.Cause(ctx)
		}
		return "", err
	}
	defer conn.CloseDeadline(time.Now().Add(handshakeTimeout))
	if product, _ := conn.Properties["product"].(string); product != "RabbitMQ" {
		return "", fmt.Errorf("%w: %q", errNotRabbitMQ, product)
	}
	version, _ = conn.Properties["version"].(string)
	return version, nil
}
