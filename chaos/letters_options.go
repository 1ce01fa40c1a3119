package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// letterSettings are what a run of letters is made from.
type letterSettings struct {
	seed  uint64
	tasks int
	// rate is how many letters a second the replay that is killed replays at most, 0 for as many as it can:
	// one of few letters would be over before it is found half done.
	rate int
}

// The two sizes of a run.
var (
	fullLetters  = letterSettings{tasks: 100_000}
	shortLetters = letterSettings{tasks: 5_000, rate: 2_000}
)

// minLetters is how many tasks a run has at least: fewer would be replayed before the command is killed.
const minLetters = 1000

// letterOptions are what the command line asks for.
type letterOptions struct {
	letterSettings
	choice
	short bool
}

// parseLetters reads the command line. What is wrong with it is told on log, and an error.
func parseLetters(args []string, log io.Writer) (letterOptions, error) {
	flags := flag.NewFlagSet("chaos letters", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "5000 tasks in some 20 s")
		seed    = flags.Uint64("seed", 0, "`seed` of the tasks and of how they fail (default: a new one, which is told)")
		tasks   = flags.Int("tasks", 0, "`number` of tasks (default 100000, 5000 with -short)")
		rate    = flags.Int("rate", 0, "letters a `second` that are replayed until the command is killed (default as many as can be, 2000 with -short)")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return letterOptions{}, err
	}
	o := letterOptions{letterSettings: fullLetters, short: *isShort}
	if o.short {
		o.letterSettings = shortLetters
	}
	if o.seed = *seed; o.seed == 0 {
		o.seed = newSeed()
	}
	err := errors.Join(override(&o.tasks, "tasks", *tasks), override(&o.rate, "rate", *rate))
	if o.tasks < minLetters {
		err = errors.Join(err, fmt.Errorf("-tasks: %d is below %d", o.tasks, minLetters))
	}
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}

// command is the command line that gives the same tasks again, without the kind of broker.
func (o letterOptions) command() string {
	text := "cd chaos && go run . letters"
	if o.short {
		text += " -short"
	}
	text = fmt.Sprintf("%s -seed %d -tasks %d", text, o.seed, o.tasks)
	if o.rate > 0 {
		text += fmt.Sprintf(" -rate %d", o.rate)
	}
	return text
}
