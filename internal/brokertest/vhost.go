package brokertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Vhost is a virtual host on a broker, in which tests do not see each other.
type Vhost struct {
	// Name is the virtual host's name.
	Name string
	// URL is the AMQP address with credentials and the virtual host.
	URL string
	// Management is the broker's: the address of the management API with credentials.
	Management string
	// Broker is where the virtual host is.
	Broker *Broker
}

// NewVhost makes a virtual host in which the account of the broker's URL may do everything. It
// needs the management API.
func (b *Broker) NewVhost(ctx context.Context, name string) (Vhost, error) {
	fail := func(err error) (Vhost, error) {
		return Vhost{}, fmt.Errorf("brokertest: new virtual host %q on %s: %w", name, b.Source, err)
	}
	if b.Management == "" {
		return fail(errors.New("the broker's management API does not answer"))
	}
	address, err := url.Parse(b.URL)
	if err != nil {
		return fail(errors.New("the broker's address is not a URL"))
	}
	user := "guest"
	if address.User != nil {
		user = address.User.Username()
	}
	api := managementAt(b.Management)
	if err := api.do(ctx, http.MethodPut, "/api/vhosts/"+url.PathEscape(name), struct{}{}); err != nil {
		return fail(err)
	}
	everything := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	grant := "/api/permissions/" + url.PathEscape(name) + "/" + url.PathEscape(user)
	if err := api.do(ctx, http.MethodPut, grant, everything); err != nil {
		return fail(err)
	}
	address.Path, address.RawPath = "/"+name, "/"+url.PathEscape(name)
	return Vhost{Name: name, URL: address.String(), Management: b.Management, Broker: b}, nil
}

// Delete removes the virtual host with all that is in it; the broker closes its connections. One
// that is gone already is no error.
func (v Vhost) Delete(ctx context.Context) error {
	err := managementAt(v.Management).do(ctx, http.MethodDelete, "/api/vhosts/"+url.PathEscape(v.Name), nil)
	if err != nil && !errors.Is(err, errNotFound) {
		return fmt.Errorf("brokertest: delete virtual host %q: %w", v.Name, err)
	}
	return nil
}
