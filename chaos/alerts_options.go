package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// The paces: so many times as fast as they are shipped, the rules and the scrapes go.
const (
	fullPace  = 15
	shortPace = 20
	// maxPace leaves the shortest alerts the 5 s for which a process keeps what it knows of depths.
	maxPace = 30
)

// alertOptions are what the command line asks for.
type alertOptions struct {
	choice
	pace  int
	short bool // without the causes that take long
	stay  bool // leave Prometheus to be looked at
}

// parseAlerts reads the command line. What is wrong with it is told on log, and an error.
func parseAlerts(args []string, log io.Writer) (alertOptions, error) {
	flags := flag.NewFlagSet("chaos alerts", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "some 80 s a broker: faster, and without what takes long")
		pace    = flags.Int("pace", 0, "how many `times` as fast the rules and the scrapes go (default 15, 20 with -short)")
		stay    = flags.Bool("stay", false, "at the end, leave Prometheus to be looked at until Ctrl-C")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return alertOptions{}, err
	}
	o := alertOptions{pace: fullPace, short: *isShort, stay: *stay}
	if o.short {
		o.pace = shortPace
	}
	err := override(&o.pace, "pace", *pace)
	if o.pace > maxPace {
		err = errors.Join(err, fmt.Errorf("-pace: %d is above %d", o.pace, maxPace))
	}
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}

// command is the command line that gives the same run again, without the kind of broker.
func (o alertOptions) command() string {
	text := "cd chaos && go run . alerts"
	if o.short {
		text += " -short"
	}
	return fmt.Sprintf("%s -pace %d", text, o.pace)
}
