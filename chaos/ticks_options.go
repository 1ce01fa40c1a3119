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

// tickSettings are what a run of ticks is made from.
type tickSettings struct {
	seed      uint64
	duration  time.Duration // of the kills
	killEvery time.Duration // something is done to the leader
	stopEvery int           // how many of those it takes for one to be a clean stop
	away      time.Duration // of the broker
	settle    time.Duration // after the broker's return, and after a node's
}

// The two sizes of a run.
var (
	fullTicks = tickSettings{
		duration: 3 * time.Minute, killEvery: 15 * time.Second, stopEvery: 4, away: 90 * time.Second, settle: 20 * time.Second,
	}
	shortTicks = tickSettings{
		duration: 35 * time.Second, killEvery: 7 * time.Second, stopEvery: 2, away: 10 * time.Second, settle: 6 * time.Second,
	}
)

// The parts of a run.
const (
	partKills = "kills"
	partAway  = "away"
	// onCluster is the kind of broker that has a part of its own.
	onCluster = "cluster"
)

// tickOptions are what the command line asks for.
type tickOptions struct {
	tickSettings
	choice
	cluster bool
	parts   []string
	short   bool
}

// parseTicks reads the command line. What is wrong with it is told on log, and an error.
func parseTicks(args []string, log io.Writer) (tickOptions, error) {
	flags := flag.NewFlagSet("chaos ticks", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort  = flags.Bool("short", false, "kills for 35 s, the broker away for 10 s")
		seed     = flags.Uint64("seed", 0, "`seed` of the kills' moments (default: a new one, which is told)")
		duration = flags.Duration("duration", 0, "how `long` leaders are killed (default 3m, 35s with -short)")
		every    = flags.Duration("kill-every", 0, "`time` between two kills (default 15s, 7s with -short)")
		away     = flags.Duration("away", 0, "how `long` the broker is away (default 90s, 10s with -short)")
		part     = flags.String("part", partKills+","+partAway, "`parts` of the run")
		flavour  = flags.String("broker", everyBroker, brokerUsage+"; or cluster: three nodes, of which one is killed and one paused")
	)
	if err := flags.Parse(args); err != nil {
		return tickOptions{}, err
	}
	o := tickOptions{tickSettings: fullTicks, short: *isShort, parts: strings.Split(*part, ",")}
	if o.short {
		o.tickSettings = shortTicks
	}
	if o.seed = *seed; o.seed == 0 {
		o.seed = newSeed()
	}
	err := errors.Join(overrideTime(&o.duration, "duration", *duration), overrideTime(&o.killEvery, "kill-every", *every),
		overrideTime(&o.away, "away", *away))
	for _, name := range o.parts {
		if !slices.Contains([]string{partKills, partAway}, name) {
			err = errors.Join(err, fmt.Errorf("-part: %q is none of %s, %s", name, partKills, partAway))
		}
	}
	if o.duration < 2*o.killEvery {
		err = errors.Join(err, fmt.Errorf("-duration: %s is less than twice the %s between two kills", o.duration, o.killEvery))
	}
	if o.cluster = *flavour == onCluster; !o.cluster {
		chosen, wrong := choose(*flavour)
		o.choice, err = chosen, errors.Join(err, wrong)
	}
	return o, complain(flags, log, err)
}

// overrideTime sets a time that was given; 0 was not.
func overrideTime(setting *time.Duration, name string, given time.Duration) error {
	switch {
	case given < 0 || given > 0 && given < time.Second:
		return fmt.Errorf("-%s: %s is below 1s", name, given)
	case given > 0:
		*setting = given
	}
	return nil
}

// command is the command line that gives the same run again, without the kind of broker.
func (o tickOptions) command() string {
	text := "cd chaos && go run . ticks"
	if o.short {
		text += " -short"
	}
	if o.cluster {
		text += " -broker " + onCluster
	}
	return fmt.Sprintf("%s -seed %d -duration %s -kill-every %s -away %s -part %s",
		text, o.seed, o.duration, o.killEvery, o.away, strings.Join(o.parts, ","))
}
