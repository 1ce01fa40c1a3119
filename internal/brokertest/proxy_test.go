package brokertest

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

func TestProxyURL(t *testing.T) {
	p := NewProxy(t, "amqp://u:p@"+echo(t)+"/a%2Fb?heartbeat=5")
	u, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	if u.Hostname() != "127.0.0.1" || u.User.String() != "u:p" || u.EscapedPath() != "/a%2Fb" || u.RawQuery != "heartbeat=5" {
		t.Errorf("URL %s", p.URL())
	}
	mustEcho(t, through(t, p), "hello")
}

func TestProxyCut(t *testing.T) {
	p := newEchoProxy(t)
	one, two := through(t, p), through(t, p)
	mustEcho(t, one, "hello")
	mustEcho(t, two, "hello")
	p.Cut()
	mustEnd(t, one)
	mustEnd(t, two)
	mustEcho(t, through(t, p), "again")
}

func TestProxyRefuse(t *testing.T) {
	p := newEchoProxy(t)
	before := through(t, p)
	mustEcho(t, before, "hello")
	p.Refuse(true)
	// The reset may come before the dial returns, or after.
	if conn, err := dialProxy(t, p); err == nil {
		mustEnd(t, conn)
	}
	mustEcho(t, before, "still here")
	p.Refuse(false)
	mustEcho(t, through(t, p), "again")
}

func TestProxyStall(t *testing.T) {
	for name, stall := range map[string]func(*Proxy){"Stall": (*Proxy).Stall, "StallUpstream": (*Proxy).StallUpstream} {
		t.Run(name, func(t *testing.T) {
			p := newEchoProxy(t)
			conn := through(t, p)
			mustEcho(t, conn, "hello")
			stall(p)
			sent := fill(t, conn)
			if sent > 16<<20 {
				t.Errorf("%d bytes went into a stalled connection", sent)
			}
			p.Resume()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			if n, err := io.CopyN(io.Discard, conn, int64(sent)); err != nil {
				t.Errorf("%d of %d bytes came through after Resume: %v", n, sent, err)
			}
		})
	}
}

// A stall ends with a cut, too.
func TestProxyCutWhileStalled(t *testing.T) {
	p := newEchoProxy(t)
	conn := through(t, p)
	mustEcho(t, conn, "hello")
	p.Stall()
	fill(t, conn)
	p.Cut()
	mustEnd(t, conn)
}

func TestProxyStallUpstreamLetsDownstreamThrough(t *testing.T) {
	p := NewProxy(t, "amqp://"+stranger(t, "greeting")+"/")
	p.StallUpstream()
	conn := through(t, p)
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	got := make([]byte, len("greeting"))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestProxyDropDownstream(t *testing.T) {
	p := newEchoProxy(t)
	conn := through(t, p)
	mustEcho(t, conn, "hello")
	p.DropDownstream(true)
	if _, err := conn.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v, want none", n, err)
	}
	p.DropDownstream(false)
	mustEcho(t, conn, "found")
}

func newEchoProxy(t *testing.T) *Proxy {
	t.Helper()
	return NewProxy(t, "amqp://"+echo(t)+"/")
}

// through opens a connection through a proxy.
func through(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := dialProxy(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func dialProxy(t *testing.T, p *Proxy) (net.Conn, error) {
	t.Helper()
	u, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func mustEcho(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	defer conn.SetDeadline(time.Time{})
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("%q came back, %v, want %q", got, err, text)
	}
}

// mustEnd fails unless the connection is ended from the other side.
func mustEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection is open (%d bytes read)", n)
	}
}

// fill writes until writing blocks for a while, and returns how much went in.
func fill(t *testing.T, conn net.Conn) (sent int) {
	t.Helper()
	block := make([]byte, 64<<10)
	for sent <= 16<<20 {
		conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := conn.Write(block)
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	conn.SetWriteDeadline(time.Time{})
	t.Logf("%d bytes until writing blocked", sent)
	return sent
}

// echo serves connections that send back what they get, however much that is.
func echo(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		wait.Wait()
	})
	return listener.Addr().String()
}
