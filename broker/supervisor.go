package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// supervisor keeps one connection: it dials, hands each connection to serve, and dials anew when
// serve returns, with backoff, until its context is done.
type supervisor struct {
	cfg     *Config
	purpose string
	log     *slog.Logger
	// serve uses a connection until it is lost, and returns why. It owns closing it.
	serve func(ctx context.Context, c *connection) error
	// filtered says that connections read through a headerFilter from now on; it is serve's to set.
	filtered bool

	mu      sync.Mutex
	current *connection   // nil while there is none
	changed chan struct{} // closed and replaced when current or lastErr changes
	lastErr error         // why there is no connection
	refused int           // how often in a row the log-in has failed
}

func newSupervisor(cfg *Config, purpose string, serve func(context.Context, *connection) error) *supervisor {
	return &supervisor{
		cfg: cfg, purpose: purpose, serve: serve, changed: make(chan struct{}),
		log: cfg.Log.With("connection", purpose),
	}
}

// stableAfter is how long a connection must have served for the next loss to be a new one.
const stableAfter = 5 * time.Second

// run blocks until ctx is done.
func (s *supervisor) run(ctx context.Context) {
	waiting := backoff{min: s.cfg.BackoffMin, max: s.cfg.BackoffMax}
	first, before := s.cfg.nodes.first(), false
	for attempt := 0; ctx.Err() == nil; attempt++ {
		c, err := dialAny(ctx, s.cfg, first, s.purpose, s.filtered)
		if err == nil {
			first = c.node + 1 // the next one, if this one is lost
			s.set(c, nil)
			if before {
				s.cfg.tally.reconnects.Add(1)
			}
			before = true
			level := slog.LevelDebug
			if attempt > 0 {
				level = slog.LevelInfo
			}
			s.log.Log(ctx, level, "connected to RabbitMQ", "url", c.url, "version", c.version.String())
			since := time.Now()
			err = s.serve(ctx, c)
			if time.Since(since) > stableAfter {
				waiting.reset()
			}
		}
		if ctx.Err() != nil {
			break
		}
		s.set(nil, err)
		s.log.Warn("no connection to RabbitMQ, trying again", "error", err)
		if waiting.wait(ctx) != nil {
			break
		}
	}
	s.set(nil, ErrClosed)
}

func (s *supervisor) set(c *connection, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, errLogIn) {
		s.refused++
	} else {
		s.refused = 0
	}
	if s.refused >= refusals {
		err = fmt.Errorf("%w: %w", ErrRefused, err)
	}
	s.current, s.lastErr = c, err
	close(s.changed)
	s.changed = make(chan struct{})
}

// state returns the connection, or why there is none.
func (s *supervisor) state() (c *connection, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.changed, s.lastErr
}

// ready returns nil while there is a connection, else an error that is ErrNotConnected.
func (s *supervisor) ready() error {
	c, _, err := s.state()
	if c != nil {
		return nil
	}
	return errors.Join(ErrNotConnected, err)
}

// refusals is how often in a row the broker must refuse us to be believed: the library takes any
// socket that is closed during the log-in for a refusal, and a broker that stops closes sockets.
const refusals = 2

// await blocks until there is a connection, the broker has refused us for good, or ctx is done.
func (s *supervisor) await(ctx context.Context) (*connection, error) {
	for {
		c, changed, err := s.state()
		if c != nil {
			return c, nil
		}
		if errors.Is(err, ErrRefused) {
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errors.Join(ErrNotConnected, ctx.Err(), err)
		}
	}
}
