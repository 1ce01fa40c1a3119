package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/brokertest"
)

const (
	defaultAddress = "127.0.0.1:5672"
	dialTimeout    = 2 * time.Second
)

// clean removes what demos left: the brokers that they started and let run, and on a broker that
// is running anyway their virtual host or names.
func clean(ctx context.Context, configFile string, out io.Writer) error {
	if err := brokertest.CloseDetached(ctx, out); err != nil {
		return err
	}
	if !brokertest.Named() && !listens(ctx, defaultAddress) {
		fmt.Fprintln(out, "No other RabbitMQ is running here.")
		return nil
	}
	b, err := brokertest.Find(ctx, brokertest.Options{Out: out})
	if err != nil {
		return err
	}
	if b.Flavour != brokertest.Found { // what listened was none: nothing can have been left on it
		return b.Close()
	}
	fmt.Fprintln(out, "RabbitMQ:", b.Source)
	v, err := defaultVenue(b)
	if err != nil {
		return err
	}
	if b.Management != "" {
		vhost := brokertest.Vhost{Name: demoName, Management: b.Management}
		if err := vhost.Delete(ctx); err != nil {
			fmt.Fprintln(out, err) // who may not delete one has not made one
		} else {
			fmt.Fprintf(out, "The virtual host %q is gone.\n", demoName)
		}
	}
	if err := v.clear(ctx, configFile); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s are gone.\n", v)
	return nil
}

// listens reports whether somebody listens at an address.
func listens(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// clear removes the queues and exchanges of demos that worked under names of their own.
func (v venue) clear(ctx context.Context, configFile string) error {
	cfg, err := config.LoadEnv(configFile, lookup(append(os.Environ(), v.environment()...)))
	if err != nil {
		return err
	}
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{v.url}, Prefix: v.prefix, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Delete(ctx, cfg.Spec())
}
