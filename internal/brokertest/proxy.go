package brokertest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"syscall"
	"testing"
)

// proxyBuffer is the receive buffer of the proxy's client side. It is small, so that a stalled
// client soon notices.
const proxyBuffer = 32 << 10

// Proxy is a TCP proxy in front of a broker, or of another server, that breaks connections on demand.
type Proxy struct {
	url      string
	target   string
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	wait     sync.WaitGroup

	mu     sync.Mutex
	change *sync.Cond // of what follows
	closed bool
	refuse bool
	up     flow
	down   flow
	links  map[*link]struct{}
}

// flow is what happens to bytes in one direction.
type flow struct {
	stalled, dropped bool
}

// link is one connection through the proxy.
type link struct {
	client, broker net.Conn
	cut            bool
}

// NewProxy starts a proxy as [StartProxy] does. When the test ends it is closed.
func NewProxy(t testing.TB, address string) *Proxy {
	t.Helper()
	p, err := StartProxy(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// StartProxy starts a proxy on 127.0.0.1 in front of the server at an address: an AMQP one, or any
// other that names its port. ctx bounds the start alone. The caller closes the proxy.
func StartProxy(ctx context.Context, address string) (*Proxy, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("brokertest: proxy: %s is no URL", redacted(address))
	}
	target := u.Host
	if u.Port() == "" {
		port := 5672
		if u.Scheme == "amqps" {
			port = 5671
		}
		target = hostPort(u.Hostname(), port)
	}
	config := net.ListenConfig{Control: smallBuffer}
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("brokertest: proxy: %w", err)
	}
	u.Host = listener.Addr().String()
	p := &Proxy{url: u.String(), target: target, listener: listener, links: make(map[*link]struct{})}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.change = sync.NewCond(&p.mu)
	p.wait.Go(p.accept)
	return p, nil
}

// Close closes all connections and returns once the proxy's goroutines have ended.
func (p *Proxy) Close() {
	p.cancel()
	p.close()
}

// smallBuffer makes the sockets that a listener accepts advertise a small window.
func smallBuffer(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, proxyBuffer)
	})
	if err != nil {
		return err
	}
	return failed
}

// URL is the broker's address through the proxy.
func (p *Proxy) URL() string { return p.url }

// Cut resets all current connections, on both sides. New ones are taken unless refused.
func (p *Proxy) Cut() {
	p.set(func() {
		for l := range p.links {
			l.reset()
		}
	})
}

// Refuse says whether new connections are reset as soon as they are made. Current ones stay.
func (p *Proxy) Refuse(refuse bool) { p.set(func() { p.refuse = refuse }) }

// Stall stops forwarding in both directions, on current and new connections, until Resume. Nothing
// is read either, so that the writes of both sides block once the socket buffers are full; with
// Linux's defaults those of a client take up to 4 MB.
func (p *Proxy) Stall() { p.set(func() { p.up.stalled, p.down.stalled = true, true }) }

// StallUpstream stops forwarding from the client to the broker only, until Resume.
func (p *Proxy) StallUpstream() { p.set(func() { p.up.stalled = true }) }

// Resume ends Stall and StallUpstream; nothing that was held back is lost.
func (p *Proxy) Resume() { p.set(func() { p.up.stalled, p.down.stalled = false, false }) }

// DropDownstream says whether bytes from the broker to the client are swallowed. They are lost for
// good, so cut the connection before it is used again.
func (p *Proxy) DropDownstream(drop bool) { p.set(func() { p.down.dropped = drop }) }

// set changes what happens to connections and wakes those that wait for it.
func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.change.Broadcast()
}

func (p *Proxy) close() {
	p.listener.Close()
	p.set(func() {
		p.closed = true
		for l := range p.links {
			l.reset()
		}
	})
	p.wait.Wait()
}

// accept serves connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.serve(client) })
	}
}

// serve forwards one connection until either side ends it or it is cut.
func (p *Proxy) serve(client net.Conn) {
	l := &link{client: client}
	if !p.admit(l) {
		reset(client)
		return
	}
	var dialer net.Dialer
	broker, err := dialer.DialContext(p.ctx, "tcp", p.target)
	if !p.connect(l, broker) || err != nil {
		p.leave(l)
		return
	}
	var wait sync.WaitGroup
	wait.Go(func() { p.pump(l, broker, client, &p.up) })
	p.pump(l, client, broker, &p.down)
	wait.Wait()
	p.leave(l)
}

// admit enters a link unless connections are refused.
func (p *Proxy) admit(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

// connect gives a link its broker side; it is false where the link was cut meanwhile.
func (p *Proxy) connect(l *link, broker net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.broker = broker
	if l.cut {
		l.reset()
	}
	return !l.cut
}

func (p *Proxy) leave(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.reset()
	delete(p.links, l)
}

// pump copies one direction of a link until it ends, then ends the other.
func (p *Proxy) pump(l *link, to, from net.Conn, f *flow) {
	buffer := make([]byte, 16<<10)
	for p.pass(l, f) {
		n, err := from.Read(buffer)
		// What was read while the stall began is held back as well.
		if n > 0 && p.pass(l, f) && !p.dropped(f) {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	// A clean end is passed on as one; a link that was cut has been reset already.
	to.Close()
	from.Close()
}

// pass waits while a direction is stalled; it is false once the link is cut.
func (p *Proxy) pass(l *link, f *flow) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for f.stalled && !l.cut {
		p.change.Wait()
	}
	return !l.cut
}

func (p *Proxy) dropped(f *flow) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f.dropped
}

// reset ends both sides abruptly.
func (l *link) reset() {
	l.cut = true
	reset(l.client)
	if l.broker != nil {
		reset(l.broker)
	}
}

// reset closes a connection with a TCP reset: what is buffered is lost, and the other side's next
// read or write fails.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
