package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/scheduler/lease"
	"github.com/warrenmq/warren/scheduler/ledger"
)

func (c *cli) scheduleList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls [ENTRY]",
		Short: "Show the entries, their next and last runs, and which scheduler leads",
		Long: "Ls shows the entries of the configuration: when they fire, when next, when they were emitted last and whether\n" +
			"runs were missed; and which scheduler leads. With an ENTRY it shows all that is known of that one.",
		Example: "  warren schedule ls\n" +
			"  warren schedule ls daily-report\n" +
			"  warren schedule ls --json | jq 'select(.missed > 0)'",
		Args: cobra.MaximumNArgs(1),
		RunE: c.begin(func(ctx context.Context, names []string) error {
			cfg, entries, err := c.loadSchedule(names)
			if err != nil {
				return err
			}
			client, err := c.connect(ctx, cfg)
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			told, err := c.ask(ctx, client, client.Names())
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				return c.listEntriesJSON(entries, told)
			case len(names) > 0:
				return c.showEntry(&entries[0], told)
			default:
				return c.listEntries(cfg.File, entries, told)
			}
		}),
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// schedulers are what they tell of themselves in their streams.
type schedulers struct {
	leader lease.Status
	at     time.Time // when that was read
	ledger *ledger.State
	known  time.Time // up to when that tells everything at least
	never  bool      // no scheduler has run
}

// scheduleStreams reads the streams of the schedulers; broker.Client does.
type scheduleStreams interface {
	ledger.Reader
	lease.Watcher
}

// ask reads the streams of the schedulers.
func (c *cli) ask(ctx context.Context, from scheduleStreams, names routing.Names) (*schedulers, error) {
	s := schedulers{known: c.now()}
	var err error
	if s.ledger, err = c.loadLedger(ctx, from, names.Schedule()); err != nil {
		return nil, err
	}
	s.leader, err = lease.Read(ctx, from, names.Lease())
	s.at = c.now()
	switch {
	case errors.Is(err, broker.ErrNoQueue):
		s.never = len(s.ledger.Entries()) == 0 // else somebody has deleted it
	case err != nil:
		return nil, err
	}
	return &s, nil
}

// loadLedger returns what the ledger adds up to; nothing where there is none. A user who may not write to
// it cannot be told where it ends: then all of it is read that there is.
func (c *cli) loadLedger(ctx context.Context, from ledger.Reader, stream string) (*ledger.State, error) {
	state, err := ledger.Load(ctx, from, stream, c.now())
	if !errors.Is(err, broker.ErrEndUnknown) && !errors.Is(err, broker.ErrNoQueue) {
		return state, err
	}
	state = new(ledger.State)
	if errors.Is(err, broker.ErrNoQueue) {
		return state, nil
	}
	all := ledger.Filter{Kinds: []ledger.Kind{ledger.KindTick, ledger.KindSkipped, ledger.KindKnown, ledger.KindAbsent, ledger.KindSnapshot}}
	_, err = ledger.Read(ctx, from, stream, all, func(r ledger.Record) error {
		state.Apply(r)
		return nil
	})
	if errors.Is(err, broker.ErrEndUnknown) {
		c.notef("what was emitted is not known for certain: %v", err)
		return state, nil
	}
	return state, err
}
