package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/routing"
)

// askTimeout bounds what is asked of the broker.
const askTimeout = 30 * time.Second

// queueState is what is known of one queue; nil is unknown.
type queueState struct {
	Queue string `json:"queue"`
	Type  string `json:"type,omitempty"`
	// Ready tasks wait; Running ones are with a worker.
	Ready     *int `json:"ready"`
	Running   *int `json:"running"`
	Consumers *int `json:"consumers"`
	Dead      *int `json:"dead"`
	// PublishRate and DoneRate are tasks a second.
	PublishRate *float64 `json:"publish_rate"`
	DoneRate    *float64 `json:"done_rate"`
	// Paused queues are not consumed, by the word of PausedBy.
	Paused      *bool  `json:"paused"`
	PausedBy    string `json:"paused_by,omitempty"`
	PausedSince string `json:"paused_since,omitempty"`
}

func (c *cli) queues() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "queues",
		Short: "Show the depth of the configured queues",
		Long: "Queues shows the configured queues and the parked tasks: how many are ready, running and dead, and which\n" +
			"queues are paused.\n" +
			"What is running, and the rates, are known where broker.management is configured.",
		Example: "  warren queues --json",
		Args:    cobra.NoArgs,
		RunE: c.begin(func(ctx context.Context, _ []string) error {
			cfg, err := c.loadQueues()
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
			states, err := c.states(ctx, client, cfg)
			if err != nil {
				return err
			}
			return c.printStates(states, asJSON)
		}),
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// states asks for the configured queues, in the order of the file, and the unrouted one.
func (c *cli) states(ctx context.Context, client *broker.Client, cfg *config.Config) ([]queueState, error) {
	unrouted := client.Names().Unrouted()
	names := []string{unrouted}
	for _, q := range cfg.Queues {
		names = append(names, q.Name, routing.DeadQueue(q.Name))
	}
	depths, err := client.Depths(ctx, names...)
	if err != nil {
		return nil, err
	}
	stats := map[string]broker.QueueStats{}
	if cfg.Broker.Management != "" {
		known, err := client.QueueStats(ctx)
		if err != nil {
			c.notef("what is running, and the rates, are not known: %v", err)
		}
		for _, q := range known {
			stats[q.Name] = q
		}
	}
	var states []queueState
	for _, q := range cfg.Queues {
		s := newState(q.Name, depths, stats)
		if s.Type == "" && q.Type != routing.Auto {
			s.Type = string(q.Type)
		}
		if dead, exists := depths[routing.DeadQueue(q.Name)]; exists {
			s.Dead = &dead.Ready
		}
		states = append(states, s)
	}
	c.addPauses(ctx, client, states)
	return append(states, newState(unrouted, depths, stats)), nil
}

// addPauses notes which queues are paused.
func (c *cli) addPauses(ctx context.Context, client *broker.Client, states []queueState) {
	known, err := c.workersState(ctx, client)
	if err != nil {
		c.notef("which queues are paused is not known for certain: %v", err)
	}
	for i := range states {
		s := &states[i]
		pause, paused := known.Paused(s.Queue)
		if !paused && err != nil {
			continue
		}
		s.Paused = &paused
		if paused {
			s.PausedBy, s.PausedSince = pause.By, pause.At.UTC().Format(time.RFC3339)
		}
	}
}

// newState puts together what is known of a queue.
func newState(name string, depths map[string]broker.Depth, stats map[string]broker.QueueStats) queueState {
	s := queueState{Queue: name}
	if depth, exists := depths[name]; exists {
		s.Ready, s.Consumers = &depth.Ready, &depth.Consumers
	}
	if q, known := stats[name]; known {
		s.Type, s.Running, s.PublishRate, s.DoneRate = q.Type, &q.Unacked, &q.PublishRate, &q.AckRate
	}
	return s
}

func (c *cli) printStates(states []queueState, asJSON bool) error {
	if asJSON {
		lines := c.lines()
		for _, s := range states {
			if err := lines.Encode(s); err != nil {
				return err
			}
		}
		return nil
	}
	t := table{columns: []column{
		{title: "QUEUE"}, {title: "TYPE"}, {title: "READY", right: true}, {title: "RUNNING", right: true},
		{title: "CONSUMERS", right: true}, {title: "DEAD", right: true}, {title: "IN/S", right: true}, {title: "DONE/S", right: true}, {title: "PAUSED"},
	}}
	undeclared := false
	for _, s := range states {
		undeclared = undeclared || s.Ready == nil
		kind := s.Type
		if kind == "" {
			kind = unknown
		}
		t.add(s.Queue, kind, number(s.Ready), number(s.Running), number(s.Consumers), number(s.Dead), rate(s.PublishRate), rate(s.DoneRate),
			s.pause())
	}
	if err := t.write(c.stdout, 0); err != nil {
		return err
	}
	if undeclared {
		c.notef("queues without a number do not exist yet: a worker or a scheduler that starts declares them")
	}
	return nil
}

// pause tells of a pause for people; nothing where there is none.
func (s *queueState) pause() string {
	switch {
	case s.Paused == nil || !*s.Paused:
		return ""
	case s.PausedBy == "":
		return "since " + s.PausedSince
	default:
		return "by " + s.PausedBy + " since " + s.PausedSince
	}
}

func number(n *int) string {
	if n == nil {
		return unknown
	}
	return strconv.Itoa(*n)
}

func rate(r *float64) string {
	if r == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f", *r)
}
