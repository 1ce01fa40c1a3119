package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/routing"
)

// run has the load go on while the faults strike, waits until each task is done, stops the processes, and
// gathers the evidence.
func (s *stage) run(ctx context.Context) error {
	blows := newNodeBlows(s.options.clusterSettings)
	fmt.Fprintf(s.log, "%d nodes: %s: %d/s, %d faults, seed %d\n", clusterNodes, s.source, s.options.rate, len(blows), s.options.seed)
	began := time.Now()
	stop := make(chan struct{})
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.loader.run(groupCtx, stop) })
	group.Go(func() error {
		defer close(stop)
		return s.strike(groupCtx, blows)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintln(s.log, "all is published and the faults are over; waiting for what is under way")
	if err := s.await(ctx); err != nil {
		return err
	}
	if err := errors.Join(s.arena.finish(ctx), s.crew.stop(ctx)); err != nil {
		return err
	}
	s.took = time.Since(began)
	return s.gather(ctx)
}

// strike does what the plan says, each blow when all nodes are there and a scheduler leads.
func (s *stage) strike(ctx context.Context, blows []nodeBlow) error {
	if _, err := s.arena.awaitLeader(ctx); err != nil {
		return err
	}
	if !pauseFor(ctx, clusterWarmUp) {
		return context.Cause(ctx)
	}
	for _, b := range blows {
		if err := s.arena.while(b.String(), func() error { return s.hit(ctx, b) }); err != nil {
			return err
		}
		s.evidence.blows = append(s.evidence.blows, struck{nodeBlow: b, span: s.arena.outages[len(s.arena.outages)-1]})
		if !pauseFor(ctx, s.options.settle) {
			return context.Cause(ctx)
		}
	}
	_, err := s.arena.awaitLeader(ctx)
	return err
}

// hit does one thing, and returns when the node is back among the others.
func (s *stage) hit(ctx context.Context, b nodeBlow) error {
	switch b.fault {
	case nodeKilled:
		return s.away(ctx, b.node, s.options.dead, s.cluster.Nodes[b.node].Kill, s.cluster.Nodes[b.node].Start)
	case nodeCut:
		return s.away(ctx, b.node, s.options.away, s.cut(b.node), s.heal(b.node))
	case nodeIsolated:
		proxy := s.proxies[b.node]
		return s.away(ctx, b.node, s.options.away, func(ctx context.Context) error {
			proxy.Stall()
			return s.cut(b.node)(ctx)
		}, func(ctx context.Context) error {
			proxy.Resume()
			return s.heal(b.node)(ctx)
		})
	}
	for i := range clusterNodes {
		node := (b.node + i) % clusterNodes
		if err := s.cluster.AwaitSpare(ctx, node); err != nil {
			return err
		}
		if err := s.away(ctx, node, 0, s.cluster.Nodes[node].Stop, s.cluster.Nodes[node].Start); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) cut(node int) func(context.Context) error {
	return func(ctx context.Context) error { return s.cluster.Cut(ctx, node) }
}

// heal has a node reach the others again and waits until it serves: before 4.3 it has paused itself.
func (s *stage) heal(node int) func(context.Context) error {
	return func(ctx context.Context) error {
		return errors.Join(s.cluster.Heal(ctx, node), s.cluster.Nodes[node].Start(ctx))
	}
}

// away has a node away for a time, or for as long as its return takes.
func (s *stage) away(ctx context.Context, node int, span time.Duration, end, back func(context.Context) error) error {
	from := time.Now()
	if err := end(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.log, "node %d is away, which took %s\n", node+1, tenths(time.Since(from)))
	pauseFor(ctx, time.Until(from.Add(span)))
	if err := errors.Join(context.Cause(ctx), back(ctx)); err != nil {
		return err
	}
	fmt.Fprintf(s.log, "node %d is back after %s\n", node+1, tenths(time.Since(from)))
	return s.cluster.AwaitWhole(ctx, node)
}

// await blocks until every task is done, or nothing has moved for as long as patience lasts.
func (s *stage) await(ctx context.Context) error {
	moved, left := time.Now(), -1
	for time.Since(moved) < clusterPatience {
		if err := s.ledger.read(); err != nil {
			return err
		}
		done := map[string]bool{}
		for _, r := range s.ledger.runs {
			done[r.id] = done[r.id] || r.outcome == succeeded
		}
		missing := 0
		for _, sent := range s.loader.all {
			if !done[sent.id] {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}
		if missing != left {
			moved, left = time.Now(), missing
		}
		if !pauseFor(ctx, lookEvery) {
			return context.Cause(ctx)
		}
	}
	fmt.Fprintf(s.log, "nothing has moved for %s: %d tasks are not done\n", clusterPatience, left)
	return nil
}

// gather completes the evidence, after all processes have stopped.
func (s *stage) gather(ctx context.Context) error {
	if err := s.ledger.read(); err != nil {
		return err
	}
	client := s.loader.clients[0]
	queues := []string{client.Names().Unrouted()}
	for i := range loadQueues {
		queues = append(queues, loadQueue(i), routing.DeadQueue(loadQueue(i)))
	}
	depths, err := client.Depths(ctx, queues...)
	if err != nil {
		return err
	}
	e := &s.evidence
	e.left = map[string]int{}
	for _, queue := range queues {
		e.left[queue] = depths[queue].Ready
	}
	_, e.byself, e.badEnds = s.crew.told()
	e.sent, e.odd, e.runs = s.loader.all, s.loader.odd, s.ledger.runs
	e.loaded = span{s.loader.all[0].due, s.loader.over}
	e.ticks = s.arena.evidence()
	return nil
}
