package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

const (
	defaultAddress = "127.0.0.1:5672"
	dialTimeout    = 2 * time.Second
	removeTimeout  = 10 * time.Second
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
	return v.clear(ctx, configFile, out)
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

// clear removes the queues and exchanges of a demo that worked under names of its own.
func (v venue) clear(ctx context.Context, configFile string, out io.Writer) error {
	environment := append(os.Environ(), v.environment()...)
	cfg, err := config.LoadEnv(configFile, lookup(environment))
	if err != nil {
		return err
	}
	topology, err := routing.Build(cfg.Spec(), routing.Broker{})
	if err != nil {
		return err
	}
	left, err := v.exists(ctx, topology)
	if err != nil || !left {
		return err
	}
	if v.broker.Management == "" {
		return fmt.Errorf("%s: the management API, through which they are removed, does not answer: "+
			"`rabbitmq-plugins enable rabbitmq_management` on the broker's machine brings it", v)
	}
	var errs []error
	for _, q := range topology.Queues {
		errs = append(errs, v.delete(ctx, "queues", q.Name))
	}
	for _, e := range topology.Exchanges {
		errs = append(errs, v.delete(ctx, "exchanges", e.Name))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove %s: %w", v, err)
	}
	fmt.Fprintf(out, "Removed %s.\n", v)
	return nil
}

// exists reports whether a queue of a topology does.
func (v venue) exists(ctx context.Context, t routing.Topology) (bool, error) {
	client, err := broker.Connect(ctx, broker.Config{URLs: []string{v.url}, Prefix: v.prefix, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return false, err
	}
	defer client.Close()
	var names []string
	for _, q := range t.Queues {
		names = append(names, q.Name)
	}
	depths, err := client.Depths(ctx, names...)
	return len(depths) > 0, err
}

// delete deletes a queue or an exchange through the management API. One that is not there is no
// error.
func (v venue) delete(ctx context.Context, kind, name string) error {
	ctx, cancel := context.WithTimeout(ctx, removeTimeout)
	defer cancel()
	path := fmt.Sprintf("/api/%s/%s/%s", kind, url.PathEscape(v.vhost), url.PathEscape(name))
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, v.management+path, nil)
	if err != nil {
		return errors.New("the address of the management API is not a URL")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode != http.StatusNotFound {
		return fmt.Errorf("DELETE %s: %s", path, response.Status)
	}
	return nil
}
