package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/warrenmq/warren/internal/brokertest"
)

// demoName is the name of the demo's virtual host or, where it may not have one, its prefix.
const demoName = "warren-demo"

// venue is where on a broker the demo works, apart from everything else there: a virtual host of
// its own or, where it may not make one, names of its own.
type venue struct {
	broker     *brokertest.Broker
	url        string // with the virtual host
	vhost      string
	prefix     string // empty: Warren's own
	management string // with credentials; where the broker's should be if it does not answer
}

// openVenue makes the demo's virtual host anew. Where that cannot be done it says why, and the
// venue is the virtual host of the broker's address, cleared of what an earlier demo left.
func openVenue(ctx context.Context, b *brokertest.Broker, configFile string, out io.Writer) (venue, error) {
	v, err := defaultVenue(b)
	if err != nil {
		return venue{}, err
	}
	err = errors.New("its management API does not answer")
	if b.Management != "" {
		err = v.makeVhost(ctx)
	}
	if err == nil || ctx.Err() != nil {
		return v, err
	}
	fmt.Fprintf(out, "No virtual host for the demo, which uses %s instead: %v\n", v, err)
	return v, v.clear(ctx, configFile)
}

// defaultVenue is the virtual host of the broker's address, with a prefix.
func defaultVenue(b *brokertest.Broker) (venue, error) {
	address, err := url.Parse(b.URL)
	if err != nil {
		return venue{}, errors.New("the broker's address is not a URL")
	}
	return venue{
		broker:     b,
		url:        b.URL,
		vhost:      cmp.Or(strings.TrimPrefix(address.Path, "/"), "/"),
		prefix:     demoName,
		management: cmp.Or(b.Management, fmt.Sprintf("http://%s:15672", address.Hostname())),
	}, nil
}

// makeVhost moves the venue to a new virtual host. One that an earlier demo left is removed.
func (v *venue) makeVhost(ctx context.Context) error {
	old := brokertest.Vhost{Name: demoName, Management: v.broker.Management}
	if err := old.Delete(ctx); err != nil {
		return err
	}
	vhost, err := v.broker.NewVhost(ctx, demoName)
	if err != nil {
		return err
	}
	v.url, v.vhost, v.prefix = vhost.URL, vhost.Name, ""
	return nil
}

// own reports whether the virtual host is the demo's own.
func (v venue) own() bool { return v.prefix == "" }

// String says what of the broker is the demo's.
func (v venue) String() string {
	if v.own() {
		return fmt.Sprintf("the virtual host %q", v.vhost)
	}
	return fmt.Sprintf("%s.* and demo.* in the virtual host %q", v.prefix, v.vhost)
}

// environment are the variables that warren.yaml and Warren's binaries read.
func (v venue) environment() []string {
	return []string{"WARREN_URL=" + v.url, "WARREN_MANAGEMENT=" + v.management, "DEMO_PREFIX=" + v.prefix}
}

// console returns the address of a queue in RabbitMQ's console, empty where there is none.
func (v venue) console(queue string) string {
	if v.broker.Console == "" {
		return ""
	}
	return fmt.Sprintf("%s/#/queues/%s/%s", v.broker.Console, url.PathEscape(v.vhost), url.PathEscape(queue))
}

// login says with which account the console is entered.
func (v venue) login() string {
	if v.defaultAccount() {
		return "user guest, password guest"
	}
	return "with the account of WARREN_URL"
}

// defaultAccount reports whether the account is the one that every RabbitMQ begins with, which is
// no secret.
func (v venue) defaultAccount() bool {
	address, err := url.Parse(v.url)
	return err == nil && (address.User == nil || address.User.String() == "guest:guest")
}

// variables are those to set for a command of a person's, in a form fit for a shell.
func (v venue) variables() []string {
	variables := []string{fmt.Sprintf("WARREN_URL='%s'", v.shown(v.url))}
	if v.broker.Management != "" {
		variables = append(variables, fmt.Sprintf("WARREN_MANAGEMENT='%s'", v.shown(v.management)))
	}
	if !v.own() {
		variables = append(variables, "DEMO_PREFIX="+v.prefix)
	}
	return variables
}

// shown is an address with its account, or with where to fill in one that is a secret.
func (v venue) shown(address string) string {
	u, err := url.Parse(address)
	if err != nil || v.defaultAccount() {
		return address
	}
	u.User = url.UserPassword("USER", "PASSWORD")
	return u.String()
}
