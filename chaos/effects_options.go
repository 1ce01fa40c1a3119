package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// effectsSettings are what a run of effects is made from.
type effectsSettings struct {
	seed    uint64
	tasks   int
	rate    int // tasks a second
	workers int
	every   time.Duration // a fault
}

// The two sizes of a run.
var (
	fullEffects  = effectsSettings{tasks: 10_000, rate: 250, workers: 3, every: 200 * time.Millisecond}
	shortEffects = effectsSettings{tasks: 500, rate: 100, workers: 3, every: 150 * time.Millisecond}
)

// effectsOptions are what the command line asks for.
type effectsOptions struct {
	effectsSettings
	choice
	short     bool
	unguarded bool // without idempotency: it will not hold
}

// parseEffects reads the command line. What is wrong with it is told on log, and an error.
func parseEffects(args []string, log io.Writer) (effectsOptions, error) {
	flags := flag.NewFlagSet("chaos effects", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "500 tasks in some 15 s")
		seed    = flags.Uint64("seed", 0, "`seed` of the faults (default: a new one, which is told)")
		tasks   = flags.Int("tasks", 0, "`number` of tasks (default 10000, 500 with -short)")
		bare    = flags.Bool("unguarded", false, "run the tasks without the idempotency middleware, to see what the faults do then: the exit status is 1")
		flavour = flags.String("broker", everyBroker, brokerUsage)
	)
	if err := flags.Parse(args); err != nil {
		return effectsOptions{}, err
	}
	o := effectsOptions{effectsSettings: fullEffects, short: *isShort, unguarded: *bare}
	if o.short {
		o.effectsSettings = shortEffects
	}
	if o.seed = *seed; o.seed == 0 {
		o.seed = newSeed()
	}
	err := override(&o.tasks, "tasks", *tasks)
	chosen, wrong := choose(*flavour)
	o.choice = chosen
	return o, complain(flags, log, err, wrong)
}

// command is the command line that gives the same faults again, without the kind of broker.
func (o effectsOptions) command() string {
	size := ""
	if o.short {
		size = " -short"
	}
	if o.unguarded {
		size += " -unguarded"
	}
	return fmt.Sprintf("cd chaos && go run . effects%s -seed %d -tasks %d", size, o.seed, o.tasks)
}

// effectsFault is what is done to one worker.
type effectsFault int

// The faults.
const (
	// cutBroker stops what a worker says to RabbitMQ, its acknowledgements among it, for a moment, and
	// then cuts the connections: what it has run meanwhile comes again.
	cutBroker effectsFault = iota
	// cutPostgres stops what PostgreSQL says to a worker, the answers to its commits among it, for a
	// moment, and then cuts the connections.
	cutPostgres
	// freeze holds a worker's connections to PostgreSQL for longer than a lease and cuts those to
	// RabbitMQ: others take over what it was in the middle of, which it then tries to commit.
	freeze
	// killEffects kills the worker, which is started again.
	killEffects
	effectsFaults
)

// String returns the fault as the report names it.
func (f effectsFault) String() string {
	return [...]string{
		"RabbitMQ connections cut", "PostgreSQL connections cut", "workers cut off for longer than a lease", "workers killed",
	}[f]
}

// drawFault chooses a fault: of twenty ten cut a worker off RabbitMQ, and seven off PostgreSQL.
func drawFault(random *rand.Rand) effectsFault {
	switch n := random.IntN(20); {
	case n < 10:
		return cutBroker
	case n < 17:
		return cutPostgres
	case n < 19:
		return freeze
	default:
		return killEffects
	}
}

// someOfEach is what happens first once the workers are at it, so that a short run has seen it all.
var someOfEach = []effectsFault{cutBroker, freeze, cutPostgres, killEffects, cutBroker, cutPostgres}

// firstFault is how many faults there are before.
const firstFault = 5
