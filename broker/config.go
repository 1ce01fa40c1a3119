package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// The defaults of a client's configuration.
const (
	DefaultURL            = "amqp://guest:guest@127.0.0.1:5672/"
	DefaultDialTimeout    = 10 * time.Second
	DefaultPublishTimeout = 30 * time.Second
	DefaultConfirmTimeout = 10 * time.Second
	DefaultBackoffMin     = 100 * time.Millisecond
	DefaultBackoffMax     = 10 * time.Second
	DefaultWindow         = 2048
)

// Config is what a client is connected with. The zero value connects to a RabbitMQ on this machine.
type Config struct {
	// URLs are the nodes, amqp:// or amqps://, tried in turn: the first one first, and once connected the
	// one that took the newest connection. Defaults to DefaultURL.
	URLs []string
	// Management is the base URL of the management API with its credentials, for what AMQP does not
	// tell (the number of nodes, the arguments of a queue). Empty: it is not asked.
	Management string
	// Prefix begins the internal names. Defaults to routing.DefaultPrefix.
	Prefix string
	// Name is shown for the connections in RabbitMQ's console. Defaults to program@host.
	Name string
	// TLS is used for amqps://. With a client certificate the client logs in by it (SASL EXTERNAL)
	// where the URL has no user. Defaults to the system's roots.
	TLS *tls.Config
	// DialTimeout bounds connecting to one node, handshakes included. Defaults to DefaultDialTimeout.
	DialTimeout time.Duration
	// PublishTimeout bounds every publish whose context has no earlier deadline; of EnqueueMany, the time
	// in which none of its tasks gets an outcome. Defaults to DefaultPublishTimeout.
	PublishTimeout time.Duration
	// ConfirmTimeout is how long a broker that does not block us may confirm nothing while something
	// awaits its confirm; then the connection is replaced, and what was sent is [ErrUnconfirmed].
	// RabbitMQ 3.10 was seen to owe a channel a confirm for ever after a restart. Defaults to
	// DefaultConfirmTimeout.
	ConfirmTimeout time.Duration
	// BackoffMin and BackoffMax bound the time between attempts to connect, which doubles with each
	// and is spread by half. Default to DefaultBackoffMin and DefaultBackoffMax.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// Window is how many messages may be sent and not yet confirmed, 1..65535. Defaults to
	// DefaultWindow.
	Window int
	// MaxMessageBytes is the largest payload that is published. Defaults to RabbitMQ's own default:
	// 16 MiB from 4.0, 128 MiB before; a broker that is configured for less is believed at its word.
	MaxMessageBytes int
	// Log takes connections made and lost. Defaults to slog.Default().
	Log *slog.Logger

	nodes *nodes
	tally *tally
}

// withDefaults returns the configuration with its zero fields filled.
func (c Config) withDefaults() Config {
	if len(c.URLs) == 0 {
		c.URLs = []string{DefaultURL}
	}
	if c.Prefix == "" {
		c.Prefix = routing.DefaultPrefix
	}
	if c.Name == "" {
		host, _ := os.Hostname() // only a label
		c.Name = filepath.Base(os.Args[0]) + "@" + host
	}
	setDefault(&c.DialTimeout, DefaultDialTimeout)
	setDefault(&c.PublishTimeout, DefaultPublishTimeout)
	setDefault(&c.ConfirmTimeout, DefaultConfirmTimeout)
	setDefault(&c.BackoffMin, DefaultBackoffMin)
	setDefault(&c.BackoffMax, max(DefaultBackoffMax, c.BackoffMin))
	setDefault(&c.Window, DefaultWindow)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.nodes, c.tally = &nodes{}, &tally{}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate checks a configuration whose defaults are filled.
func (c Config) validate() error {
	fail := func(field, format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrInvalidConfig, field, fmt.Sprintf(format, args...))
	}
	var user, vhost string
	for i, raw := range c.URLs {
		uri, err := parseURI(raw)
		if err != nil {
			return fail(fmt.Sprintf("URLs[%d]", i), "%v", err)
		}
		if i > 0 && (uri.Username != user || uri.Vhost != vhost) {
			return fail(fmt.Sprintf("URLs[%d]", i), "another user or virtual host than URLs[0]: they are the nodes of one cluster")
		}
		user, vhost = uri.Username, uri.Vhost
	}
	if err := routing.ValidatePrefix(c.Prefix); err != nil {
		return fail("Prefix", "%v", err)
	}
	if c.Management != "" {
		u, err := url.Parse(c.Management)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fail("Management", "not an http:// or https:// URL")
		}
	}
	switch {
	case c.DialTimeout < 0:
		return fail("DialTimeout", "%s is below 0", c.DialTimeout)
	case c.PublishTimeout < 0:
		return fail("PublishTimeout", "%s is below 0", c.PublishTimeout)
	case c.ConfirmTimeout < 0:
		return fail("ConfirmTimeout", "%s is below 0", c.ConfirmTimeout)
	case c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return fail("BackoffMin, BackoffMax", "%s and %s are not ordered", c.BackoffMin, c.BackoffMax)
	case c.Window < 1 || c.Window > 65535:
		return fail("Window", "%d is not within 1..65535", c.Window)
	case c.MaxMessageBytes < 0:
		return fail("MaxMessageBytes", "%d is below 0", c.MaxMessageBytes)
	}
	return nil
}

// Redact returns a URL without its credentials, fit for logs and errors. What is not a URL becomes
// a placeholder.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// parseURI parses a broker's URL. Of one that cannot be read the error quotes nothing: what a parser
// takes for a port or a bad escape is often a part of the password.
func parseURI(raw string) (amqp.URI, error) {
	uri, err := amqp.ParseURI(raw)
	var unreadable *url.Error
	var notNumber *strconv.NumError
	if errors.As(err, &unreadable) || errors.As(err, &notNumber) {
		return uri, errors.New("not a readable URL; special characters of user and password must be percent-encoded")
	}
	return uri, err
}
