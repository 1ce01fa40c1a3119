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
	size  size
	seed  uint64
	tasks int
	rate  int // tasks a second
	// brokerEvery is how many rounds there are to one in which the broker itself is struck.
	brokerEvery int
	// late is how late a start may be for no reason: no part of the plan, but of what is found.
	late time.Duration
}

// size is how long a run is, as the command line says it.
type size string

// The sizes of a run.
const (
	sizeShort  size = "short"
	sizeMedium size = "" // nothing is said
	sizeLong   size = "long"
)

// The settings of each size.
var (
	short  = settings{size: sizeShort, tasks: 8_000, rate: 100, brokerEvery: 1, late: lateLimit}
	medium = settings{size: sizeMedium, tasks: 60_000, rate: 200, brokerEvery: 2, late: lateLimit}
	long   = settings{size: sizeLong, tasks: 1_000_000, rate: 560, brokerEvery: 3, late: lateLimit}
)

const (
	// mortals is how many workers are killed and frozen; the spared live through everything, so that tasks
	// come back to a process that has run them before. What befalls connections befalls all.
	mortals = 2
	spared  = 1
	// schedulers is how many schedulers run.
	schedulers = 2
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
		isShort = flags.Bool("short", false, "a run of less than 2 minutes: 8000 tasks at 100/s")
		isLong  = flags.Bool("long", false, "a run of half an hour: 1000000 tasks at 560/s")
		seed    = flags.Uint64("seed", 0, "`seed` of the plan; the same seed and flags give the same plan (default: a new one, which is told)")
		tasks   = flags.Int("tasks", 0, "`number` of tasks (default 60000)")
		rate    = flags.Int("rate", 0, "tasks a `second` (default 200)")
		late    = flags.Duration("late", 0, "how `late` a start may be for no reason (default 3s); a machine that is busy needs more")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{settings: medium}
	var err error
	switch {
	case *isShort && *isLong:
		err = errors.New("-short and -long exclude each other")
	case *isShort:
		o.settings = short
	case *isLong:
		o.settings = long
	}
	if o.seed = *seed; o.seed == 0 {
		o.seed = newSeed()
	}
	err = errors.Join(err, override(&o.tasks, "tasks", *tasks), override(&o.rate, "rate", *rate), overrideTime(&o.late, "late", *late))
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
	form := ""
	if s.size != sizeMedium {
		form = " -" + string(s.size)
	}
	return fmt.Sprintf("cd chaos && go run . fault%s -seed %d -tasks %d -rate %d -late %s", form, s.seed, s.tasks, s.rate, s.late)
}

// shuffled returns a shuffled copy.
func shuffled[T any](random *rand.Rand, all []T) []T {
	all = slices.Clone(all)
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
