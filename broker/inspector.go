package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// Inspector looks at a broker and changes nothing: what `warren doctor` asks. It keeps no connection,
// and unlike a [Client] it can be made while the broker is away. It is safe for use by any number of
// goroutines.
type Inspector struct {
	cfg        Config
	management *management
}

// inspectTimeout bounds connecting to one node, and each request to the management API.
const inspectTimeout = managementTimeout

// NewInspector returns an inspector for the broker of a client's configuration, of which DialTimeout is
// at most 5 s. It does not connect. A bad configuration is [ErrInvalidConfig].
func NewInspector(cfg Config) (*Inspector, error) {
	if cfg.DialTimeout <= 0 || cfg.DialTimeout > inspectTimeout {
		cfg.DialTimeout = inspectTimeout
	}
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.Log = slog.New(slog.DiscardHandler) // what is found is the result
	return &Inspector{cfg: cfg, management: newManagement(&cfg)}, nil
}

// User is the user of the first URL, empty where a client certificate decides it.
func (i *Inspector) User() string {
	if i.cfg.TLS != nil && (len(i.cfg.TLS.Certificates) > 0 || i.cfg.TLS.GetClientCertificate != nil) && !hasUser(i.cfg.URLs[0]) {
		return ""
	}
	uri, err := parseURI(i.cfg.URLs[0])
	if err != nil {
		return ""
	}
	return uri.Username
}

// Vhost is the virtual host of the first URL.
func (i *Inspector) Vhost() string { return i.management.vhost }

// ManagementURL is where the management API is asked, without credentials; empty where it is not.
func (i *Inspector) ManagementURL() string { return i.management.base }

// NodeAnswer is what became of connecting to one URL.
type NodeAnswer struct {
	// URL is the node's address without credentials.
	URL string
	// Version is the broker's, where it answered.
	Version routing.Version
	// Err is why there is no connection; [ErrRefused] where the broker refuses the user or the virtual
	// host.
	Err error
}

// Nodes connects to every URL of the configuration, side by side, and disconnects. It blocks until all
// have answered, at most 5 s, or ctx is done.
func (i *Inspector) Nodes(ctx context.Context) []NodeAnswer {
	answers := make([]NodeAnswer, len(i.cfg.URLs))
	var asked sync.WaitGroup
	for n, url := range i.cfg.URLs {
		asked.Go(func() {
			answers[n].URL = Redact(url)
			conn, err := dial(ctx, &i.cfg, url, "doctor", false)
			switch {
			case err == nil:
				answers[n].Version = conn.version
				conn.shut()
			case isRefusal(err) || errors.Is(err, amqp.ErrCredentials) || errors.Is(err, amqp.ErrVhost):
				answers[n].Err = fmt.Errorf("%w: %w", ErrRefused, err)
			default:
				answers[n].Err = err
			}
		})
	}
	asked.Wait()
	return answers
}

// Blocked publishes one message that goes nowhere and reports whether the broker blocks publishers: a
// memory or disk alarm. allowed is whether the user may write to the default exchange at all. It blocks
// until the broker has confirmed, refused or blocked, at most 5 s, or ctx is done; the error is
// [ErrNotConnected], or that nothing came.
func (i *Inspector) Blocked(ctx context.Context) (blocked, allowed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	err = i.withConnection(ctx, func(conn *connection) error {
		blockings := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
		channel, err := conn.Channel()
		if err != nil {
			return err
		}
		closed := channel.NotifyClose(make(chan *amqp.Error, 1))
		if err := channel.Confirm(false); err != nil {
			return err
		}
		confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", noQueue, false, false, amqp.Publishing{})
		if err != nil {
			return err
		}
		select {
		case b := <-blockings:
			blocked, allowed = b.Active, true
		case refusal := <-closed:
			if refusal == nil || refusal.Code != amqp.AccessRefused {
				return fmt.Errorf("%w: %w", ErrNotConnected, amqp.ErrClosed)
			}
		case <-confirm.Done():
			select {
			case refusal := <-closed: // a channel that closes fails its confirms
				if refusal != nil && refusal.Code != amqp.AccessRefused {
					return refusal
				}
			default:
				allowed = confirm.Acked()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		return nil
	})
	return blocked, allowed, err
}

// noQueue is a name that no queue has and no binding ends in.
const noQueue = "warren.doctor.nothing"

// withConnection calls f with a connection, which it closes; a call that the broker does not answer
// ends with ctx.
func (i *Inspector) withConnection(ctx context.Context, f func(*connection) error) error {
	conn, err := dialAny(ctx, &i.cfg, i.cfg.nodes.first(), "doctor", false)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.raw.Close() })
	defer conn.shut()
	err = f(conn)
	if !stop() && err != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// bounded bounds an errand of many small questions by a time for each.
func bounded(ctx context.Context, questions int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, inspectTimeout+time.Duration(questions)*100*time.Millisecond)
}
