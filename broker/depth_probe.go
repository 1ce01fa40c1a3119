package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DepthProbe asks for depths again and again over one connection, which RabbitMQ logs once and not at each
// question. It is not the publishing one: that stays unread while RabbitMQ blocks publishers, which is when
// somebody looks. It is safe for use by several goroutines, whose questions take turns.
type DepthProbe struct {
	client *Client

	mu      sync.Mutex
	conn    *connection   // nil until the first question, and after a loss
	channel *amqp.Channel // of conn, where there is one that the broker has not closed
	closed  bool
}

// NewDepthProbe returns a probe, which connects at its first question. It must be closed.
func (c *Client) NewDepthProbe() *DepthProbe { return &DepthProbe{client: c} }

// Depths is [Client.Depths]. After a loss the error is [ErrNotConnected], and the next question connects
// anew; after Close it is [ErrClosed].
func (p *DepthProbe) Depths(ctx context.Context, queues ...string) (map[string]Depth, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	depths, err := p.ask(ctx, queues)
	return depths, depthsError(err)
}

func (p *DepthProbe) ask(ctx context.Context, queues []string) (map[string]Depth, error) {
	if p.closed {
		return nil, ErrClosed
	}
	if p.conn != nil && p.conn.IsClosed() {
		p.drop()
	}
	if p.conn == nil {
		cfg := &p.client.cfg
		conn, err := dialAny(ctx, cfg, cfg.nodes.first(), "depth", false)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
		}
		p.conn = conn
	}
	var depths map[string]Depth
	inTime, err := p.conn.within(ctx, func() (err error) {
		depths, err = askDepths(p.open, queues)
		return err
	})
	if !inTime || errors.Is(err, ErrNotConnected) {
		p.drop()
	}
	return depths, err
}

// open returns the channel, or another where the broker has closed it.
func (p *DepthProbe) open() (*amqp.Channel, error) {
	if p.channel != nil && !p.channel.IsClosed() {
		return p.channel, nil
	}
	var err error
	p.channel, err = p.conn.Channel()
	return p.channel, err
}

// drop gives up the connection without a word to the broker.
func (p *DepthProbe) drop() {
	if p.conn != nil {
		p.conn.abort()
	}
	p.conn, p.channel = nil, nil
}

// Close closes the connection and returns when it is gone, after some 2 s where the broker does not answer.
func (p *DepthProbe) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.conn != nil {
		p.conn.shut()
		p.conn, p.channel = nil, nil
	}
}
