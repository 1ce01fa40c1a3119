package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// clusterSettings are what a run on a cluster is made from.
type clusterSettings struct {
	seed   uint64
	rate   int           // tasks a second, all publishers together
	dead   time.Duration // how long a node that is killed stays so
	away   time.Duration // how long one is cut off
	settle time.Duration // after its return
	only   []string      // the faults, by their names on the command line, in their order
}

// The two sizes of a run. A node that is cut off is away for longer than RabbitMQ takes to notice it.
var (
	fullCluster  = clusterSettings{rate: 300, dead: 40 * time.Second, away: 40 * time.Second, settle: 15 * time.Second, only: nodeFaultNames}
	shortCluster = clusterSettings{
		rate: 150, dead: 5 * time.Second, away: 18 * time.Second, settle: 3 * time.Second,
		only: []string{nodeKilled.flag(), nodeCut.flag(), nodesRestarted.flag()},
	}
)

// clusterOptions are what the command line asks for.
type clusterOptions struct {
	clusterSettings
	choice
	short bool
}

// parseCluster reads the command line. What is wrong with it is told on log, and an error.
func parseCluster(args []string, log io.Writer) (clusterOptions, error) {
	flags := flag.NewFlagSet("chaos cluster", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "shorter faults, and none that takes a node from its clients")
		seed    = flags.Uint64("seed", 0, "`seed` of the tasks, and of which node is struck (default: a new one, which is told)")
		rate    = flags.Int("rate", 0, "tasks a `second` (default 300, 150 with -short)")
		away    = flags.Duration("away", 0, "how `long` a node is cut off (default 40s, 18s with -short)")
		only    = flags.String("only", "", "`faults` of the run, of "+strings.Join(nodeFaultNames, ",")+" (default all, without isolation with -short)")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return clusterOptions{}, err
	}
	o := clusterOptions{clusterSettings: fullCluster, short: *isShort}
	if o.short {
		o.clusterSettings = shortCluster
	}
	if o.seed = *seed; o.seed == 0 {
		o.seed = newSeed()
	}
	err := errors.Join(override(&o.rate, "rate", *rate), overrideTime(&o.away, "away", *away))
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(nodeFaultNames, name) {
			err = errors.Join(err, fmt.Errorf("-only: %q is none of %s", name, strings.Join(nodeFaultNames, ", ")))
		}
	}
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}

// command is the command line that gives the same faults again, without the kind of broker.
func (o clusterOptions) command() string {
	size := ""
	if o.short {
		size = " -short"
	}
	return fmt.Sprintf("cd chaos && go run . cluster%s -seed %d -rate %d -away %s -only %s", size, o.seed, o.rate, o.away, strings.Join(o.only, ","))
}
