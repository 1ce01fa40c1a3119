package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

// soakSettings are what a soak is made from.
type soakSettings struct {
	duration time.Duration // of the publishing
	rate     int           // tasks a second
	every    time.Duration // between two samples
}

// The two sizes of a soak.
var (
	fullSoak  = soakSettings{duration: time.Hour, rate: 2000, every: 5 * time.Second}
	shortSoak = soakSettings{duration: time.Minute, rate: 500, every: time.Second}
)

// tasks is how many tasks are published.
func (s soakSettings) tasks() int { return int(float64(s.rate) * s.duration.Seconds()) }

// soakOptions are what the command line asks for.
type soakOptions struct {
	soakSettings
	choice
	json, chart string // files, empty: none
}

// parseSoak reads the command line. What is wrong with it is told on log, and an error.
func parseSoak(args []string, log io.Writer) (soakOptions, error) {
	flags := flag.NewFlagSet("chaos soak", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort  = flags.Bool("short", false, "a minute at 500/s, which shows that it works; it is too short to find a slow leak")
		duration = flags.Duration("duration", 0, "how `long` tasks are published (default 1h, 1m with -short)")
		rate     = flags.Int("rate", 0, "tasks a `second` (default 2000, 500 with -short)")
		every    = flags.Duration("every", 0, "`time` between two samples (default 5s, 1s with -short)")
		flavour  = flags.String("broker", string(brokertest.Node), brokerUsage)
	)
	var o soakOptions
	flags.StringVar(&o.json, "json", "", "`file` for all samples and the verdict")
	flags.StringVar(&o.chart, "chart", "", "`file` for a chart of memory over time, as SVG")
	if err := flags.Parse(args); err != nil {
		return soakOptions{}, err
	}
	o.soakSettings = fullSoak
	if *isShort {
		o.soakSettings = shortSoak
	}
	err := errors.Join(override(&o.rate, "rate", *rate), overrideTime(&o.duration, "duration", *duration), overrideTime(&o.every, "every", *every))
	if err == nil && o.duration < fewestSamples*o.every {
		err = fmt.Errorf("-duration: %s is less than %d times the %s between two samples", o.duration, fewestSamples, o.every)
	}
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}
