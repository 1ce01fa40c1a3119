package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

const (
	clusterNodes = 3
	// nodeAway is how long a node is dead, or frozen.
	nodeAway = 30 * time.Second
)

// round is something that was done to the node of the leader.
type round struct {
	what    string
	node    int // from 0
	process string
	span    // how long the node was away
}

// onCluster has schedulers emit ticks through a cluster whose nodes die under them: each begins with
// another node. The node of the leader is killed, and later that of whoever leads then is frozen.
func (r ticksRun) onCluster(ctx context.Context) (err error) {
	cluster, err := brokertest.StartCluster(ctx, brokertest.Container, clusterNodes, brokertest.Options{Out: r.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	var urls []string
	for _, node := range cluster.Nodes {
		urls = append(urls, node.URL)
	}
	a := &arena{entries: killEntries}
	for i := range urls {
		a.urls = append(a.urls, slices.Concat(urls[i:], urls[:i]))
	}
	fmt.Fprintf(r.log, "%d nodes: %s\n", clusterNodes, cluster.Nodes[0].Source)
	var rounds []round
	return r.within(ctx, a, func(ctx context.Context) error {
		killed, err := a.round(ctx, urls, "node killed", r.options.settle,
			func(node int) error { return cluster.Nodes[node].Kill(ctx) },
			func(node int) error { return cluster.Nodes[node].Start(ctx) })
		if err != nil {
			return err
		}
		paused, err := a.round(ctx, urls, "node frozen", r.options.settle,
			func(node int) error { return cluster.Pause(ctx, node) },
			func(node int) error { return cluster.Resume(ctx, node) })
		rounds = []round{killed, paused}
		return err
	}, func(a *arena) error {
		v := a.evidence().judgeKills()
		if err := r.writeCluster(a, cluster.Nodes[0].Source, v, rounds); err != nil {
			return err
		}
		return v.err()
	})
}

// round takes the node that the leader is connected to away for a time, and returns when somebody has
// led for the time that it takes to settle.
func (a *arena) round(ctx context.Context, urls []string, what string, settle time.Duration, end, back func(node int) error) (round, error) {
	if !pauseFor(ctx, warmUp) {
		return round{}, context.Cause(ctx)
	}
	leading, err := a.awaitLeader(ctx)
	if err != nil {
		return round{}, err
	}
	events, _ := a.chronicle.told()
	node := slices.IndexFunc(urls, func(url string) bool { return sameNode(url, urlOf(events, leading.process)) })
	if node < 0 {
		return round{}, fmt.Errorf("%s leads, and has not told which node it is connected to", leading.process)
	}
	err = a.while(fmt.Sprintf("%s: %d, of %s", what, node+1, leading.process), func() error {
		if err := end(node); err != nil {
			return err
		}
		pauseFor(ctx, nodeAway) // a frozen node goes on in any case
		return errors.Join(back(node), context.Cause(ctx))
	})
	if err != nil {
		return round{}, err
	}
	if _, err := a.awaitLeader(ctx); err != nil {
		return round{}, err
	}
	if !pauseFor(ctx, settle) {
		return round{}, context.Cause(ctx)
	}
	return round{what: what, node: node, process: leading.process, span: a.outages[len(a.outages)-1]}, nil
}

// sameNode reports whether two addresses name one node, whatever they say of the account.
func sameNode(a, b string) bool {
	nodeA, errA := url.Parse(a)
	nodeB, errB := url.Parse(b)
	return errors.Join(errA, errB) == nil && nodeA.Host != "" && nodeA.Host == nodeB.Host
}

// leadership tells what became of the leadership in a round: kept, or taken over after how long.
func (n round) leadership(v *tickVerdict) string {
	for i, r := range v.reigns {
		if r.process != n.process || !r.contains(n.from) {
			continue
		}
		switch {
		case r.to.After(n.to):
			return "kept"
		case i+1 < len(v.reigns):
			next := v.reigns[i+1]
			return fmt.Sprintf("taken over by %s after %s without a leader, which began %s after", next.process,
				shownGap(next.from.Sub(r.to)), shownGap(r.to.Sub(n.from)))
		}
	}
	return "lost before"
}

// contains reports whether a process led at a moment.
func (r reign) contains(at time.Time) bool { return span{r.from, r.to}.contains(at) }

// stall returns the longest time without a tick that began or ended while a node was away.
func (n round) stall(all []caught) time.Duration {
	var at []time.Time
	for _, c := range all {
		at = append(at, c.enqueued)
	}
	slices.SortFunc(at, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(at); i++ {
		if n.meets(span{at[i-1], at[i]}) {
			longest = max(longest, at[i].Sub(at[i-1]))
		}
	}
	return longest
}

// writeCluster reports a run on a cluster.
func (r ticksRun) writeCluster(a *arena, source string, v *tickVerdict, rounds []round) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nticks, cluster: %d nodes, each a %s; %d schedulers; over after %s\n\n",
		clusterNodes, source, len(a.urls), a.took.Round(100*time.Millisecond))
	caught, _ := a.catcher.told()
	writeRounds(&out, v, rounds, caught)
	out.WriteString("\n")
	v.writeCounts(&out, a.entries)
	v.writeRepeats(&out)
	out.WriteString("\n")
	v.writeGaps(&out)
	v.writeLateness(&out)
	v.writeVerdict(&out)
	fmt.Fprintf(&out, "the same again: %s\n", r.options.command())
	_, err := io.WriteString(r.out, out.String())
	return err
}

// writeRounds tells what the loss of a node came to.
func writeRounds(w io.Writer, v *tickVerdict, rounds []round, all []caught) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "round\tat\taway for\tlongest time without a tick\tlease")
	for _, n := range rounds {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", n.what, clockOf(n.from), shownGap(n.to.Sub(n.from)), shownGap(n.stall(all)), n.leadership(v))
	}
	_ = t.Flush()
}
