package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

// settings are what a plan is made from.
type settings struct {
	seed      uint64
	tasks     int
	rate      int // tasks a second
	workers   int // processes that are killed in turn
	spared    int // processes that live through everything
	killEvery time.Duration
	restarts  int  // of the broker
	hard      bool // the broker is killed instead of stopped
}

// The two sizes of a run.
var (
	full  = settings{tasks: 20_000, rate: 300, workers: 2, spared: 1, killEvery: 2 * time.Second, restarts: 2}
	short = settings{tasks: 2_000, rate: 150, workers: 2, spared: 1, killEvery: 2 * time.Second, restarts: 1}
)

// everyBroker is each kind of broker that this machine can have, one after the other.
const everyBroker = "each"

// options are what the command line asks for.
type options struct {
	settings
	choice
}

// choice is which brokers to run on.
type choice struct {
	brokers []brokertest.Flavour
	all     bool // brokers are those that can be had; else the one that must be
}

// choose reads the name of a kind of broker.
func choose(flavour string) (choice, error) {
	switch flavour {
	case everyBroker:
		return choice{brokers: []brokertest.Flavour{brokertest.Node, brokertest.Container}, all: true}, nil
	case string(brokertest.Node), string(brokertest.Container):
		return choice{brokers: []brokertest.Flavour{brokertest.Flavour(flavour)}}, nil
	}
	return choice{}, fmt.Errorf("-broker: %q is none of node, container, each", flavour)
}

const brokerUsage = "`kind` of RabbitMQ to start: node, container, each (those that can be had)"

// newSeed is one that is short enough to be typed.
func newSeed() uint64 { return rand.Uint64N(1_000_000) + 1 }

// parse reads the command line. What is wrong with it is told on log, and an error.
func parse(args []string, log io.Writer) (options, error) {
	flags := flag.NewFlagSet("chaos fault", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "a run of some 20 s: 2000 tasks, one restart")
		seed    = flags.Uint64("seed", 0, "`seed` of the plan; the same seed and flags give the same plan (default: a new one, which is told)")
		tasks   = flags.Int("tasks", 0, "`number` of tasks (default 20000, 2000 with -short)")
		rate    = flags.Int("rate", 0, "tasks a `second` (default 300, 150 with -short)")
		hard    = flags.Bool("hard", false, "kill the broker (-9) instead of stopping it")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{settings: full}
	if *isShort {
		o.settings = short
	}
	o.seed, o.hard = *seed, *hard
	if o.seed == 0 {
		o.seed = newSeed()
	}
	err := errors.Join(override(&o.tasks, "tasks", *tasks), override(&o.rate, "rate", *rate))
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}

// complain tells what is wrong with a command line, an argument too many among it, and returns it.
func complain(flags *flag.FlagSet, log io.Writer, problems ...error) error {
	if flags.NArg() > 0 {
		problems = append(problems, fmt.Errorf("%q is one argument too many", flags.Arg(0)))
	}
	err := errors.Join(problems...)
	if err != nil {
		fmt.Fprintln(log, "chaos:", err)
	}
	return err
}

// override sets a number that was given; 0 was not.
func override(setting *int, name string, given int) error {
	switch {
	case given < 0:
		return fmt.Errorf("-%s: %d is below 1", name, given)
	case given > 0:
		*setting = given
	}
	return nil
}

// command is the command line that gives the same plan again, without the kind of broker.
func (s settings) command() string {
	size := ""
	if s.restarts == short.restarts {
		size = " -short"
	}
	text := fmt.Sprintf("cd chaos && go run . fault%s -seed %d -tasks %d -rate %d", size, s.seed, s.tasks, s.rate)
	if s.hard {
		text += " -hard"
	}
	return text
}

// shuffled returns a shuffled copy.
func shuffled[T any](random *rand.Rand, all []T) []T {
	all = slices.Clone(all)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
