package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/rs/zerolog"
)

// heartbeat is what everybody's connections are configured with. RabbitMQ closes one of which it has heard
// nothing for one to two of them, and the client one after one and a half.
const heartbeat = 2 * time.Second

// gate is what the connections of one actor go through: a proxy of toxiproxy, whose toxics say what becomes
// of the bytes.
//
// What toxiproxy lacks as a library: nothing cuts the connections that are there. Its toxic reset_peer acts on
// the next bytes of a connection, and resets it only where the connection is younger than the toxic; so a cut
// is the proxy stopped and started again. Its toxic timeout with a time of 0 drops bytes, as a half-open link
// does, in the direction that it is put in; but to take it away closes the connections, so a link that was
// half open never heals.
type gate struct {
	proxy *toxiproxy.Proxy
	// URL is the broker's through the gate.
	url string
}

// toxic is one of toxiproxy's, as its API has it.
type toxic struct {
	Name       string           `json:"name"`
	Type       string           `json:"type"`
	Stream     string           `json:"stream"`
	Attributes map[string]int64 `json:"attributes"`
}

// openGate opens a gate to the broker at an address.
func openGate(name, address string) (*gate, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("gate of %s: %w", name, err)
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics log to the default logger
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	g := &gate{proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:0", u.Host)}
	if err := g.proxy.Start(); err != nil {
		return nil, fmt.Errorf("gate of %s: %w", name, err)
	}
	u.Host = g.proxy.Listen
	u.RawQuery = url.Values{"heartbeat": {strconv.Itoa(int(heartbeat.Seconds()))}}.Encode()
	g.url = u.String()
	return g, nil
}

// cut closes all connections. New ones are taken at once.
func (g *gate) cut() error {
	g.proxy.Stop()
	return g.proxy.Start()
}

func (g *gate) close() { g.proxy.Stop() }

// poison has toxics act on the connections that are there and on new ones. Where the other end of a
// connection reads nothing it waits for that.
func (g *gate) poison(all []toxic) error {
	for _, t := range all {
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := g.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("gate of %s: %s: %w", g.proxy.Name, t.Name, err)
		}
	}
	return nil
}

// cure takes them away.
func (g *gate) cure(all []toxic) error {
	var err error
	for _, t := range all {
		err = errors.Join(err, g.proxy.Toxics.RemoveToxic(context.Background(), t.Name))
	}
	return err
}

// toxicsOf returns the toxics of a fault, none where it is of another kind.
func toxicsOf(s strike) []toxic {
	var all []toxic
	add := func(kind string, attributes map[string]int64, directions ...stream.Direction) {
		for _, direction := range directions {
			all = append(all, toxic{Name: kind + " " + direction.String(), Type: kind, Stream: direction.String(), Attributes: attributes})
		}
	}
	switch s.kind {
	case killSlowly:
		add("slow_close", map[string]int64{"delay": s.delay.Milliseconds()}, stream.Upstream, stream.Downstream)
	case deafenLink:
		add("timeout", map[string]int64{"timeout": 0}, stream.Downstream)
	case muteLink:
		add("timeout", map[string]int64{"timeout": 0}, stream.Upstream)
	case blockLink:
		add("timeout", map[string]int64{"timeout": 0}, stream.Upstream, stream.Downstream)
	case delayLink:
		jitter := s.delay.Milliseconds() / 2
		add("latency", map[string]int64{"latency": s.delay.Milliseconds(), "jitter": jitter}, stream.Upstream, stream.Downstream)
	case narrowLink:
		add("bandwidth", map[string]int64{"rate": int64(s.rate)}, stream.Upstream, stream.Downstream)
	}
	return all
}
