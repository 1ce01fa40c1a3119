package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

// settings are how much of everything is measured. They are part of the report.
type settings struct {
	// Rounds is how often each entrant of a contest runs, in turn with the others.
	Rounds int `json:"rounds"`
	// Tasks is how many tasks a round of drain, enqueue and both has, of PayloadBytes each.
	Tasks        int `json:"tasks"`
	PayloadBytes int `json:"payload_bytes"`
	// LatencyTasks is how many tasks a round of latency has, LatencyRate of them a second.
	LatencyTasks int `json:"latency_tasks"`
	LatencyRate  int `json:"latency_rate"`
	// Delays is how many delayed tasks a round has, DelayRate a second, each delayed by up to
	// DelayUpTo.
	Delays    int           `json:"delays"`
	DelayRate int           `json:"delay_rate"`
	DelayUpTo time.Duration `json:"delay_up_to_ns"`
	// MemoryTasks is how many tasks the process runs whose memory is looked at every MemoryEvery.
	MemoryTasks int           `json:"memory_tasks"`
	MemoryEvery time.Duration `json:"memory_every_ns"`
}

// The two sizes of a bench: the one whose figures are told, and one that shows that all of it works.
var (
	full = settings{
		Rounds: 5, Tasks: 50_000, PayloadBytes: 256,
		LatencyTasks: 400, LatencyRate: 200,
		Delays: 500, DelayRate: 100, DelayUpTo: 5 * time.Second,
		MemoryTasks: 1_000_000, MemoryEvery: time.Second,
	}
	short = settings{
		Rounds: 2, Tasks: 5_000, PayloadBytes: 256,
		LatencyTasks: 100, LatencyRate: 200,
		Delays: 100, DelayRate: 100, DelayUpTo: time.Second,
		MemoryTasks: 100_000, MemoryEvery: 250 * time.Millisecond,
	}
)

// anyBroker is a broker that runs already, else one that is started.
const anyBroker = "any"

// options are what the command line asks for.
type options struct {
	settings settings
	broker   string   // anyBroker, or a flavour that is started
	only     []string // contests; empty: all
	json     bool
	check    bool
	profile  string
}

// wants reports whether a contest is to be held.
func (o *options) wants(contest string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, contest)
}

// parse reads the command line. What is wrong with it is told on log, and an error.
func parse(args []string, log io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		isShort = flags.Bool("short", false, "a small run that shows that everything works; its figures mean little")
		rounds  = flags.Int("rounds", 0, "`number` of rounds (default 5, 2 with -short)")
		tasks   = flags.Int("tasks", 0, "`number` of tasks a round of drain, enqueue and both (default 50000, 5000 with -short)")
		memory  = flags.Int("memory-tasks", 0, "`number` of tasks that the memory is measured over (default 1000000, 100000 with -short)")
		only    = flags.String("only", "", "comma-separated `names` of what is measured: "+strings.Join(names(), ", ")+" (default all)")
		flavour = flags.String("broker", anyBroker, "`kind` of RabbitMQ: any (a running one, else one is started), node, container")
		asJSON  = flags.Bool("json", false, "write the report as JSON, with the figure of every round")
		profile = flags.String("cpuprofile", "", "write a CPU profile of this process, loop and Warren in one, to `file`")
		check   = flags.Bool("check", false, "exit with 1 where a figure misses its floor")
	)
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{settings: full, broker: *flavour, json: *asJSON, check: *check, profile: *profile}
	if *isShort {
		o.settings = short
	}
	err := errors.Join(
		override(&o.settings.Rounds, "rounds", *rounds),
		override(&o.settings.Tasks, "tasks", *tasks),
		override(&o.settings.MemoryTasks, "memory-tasks", *memory))
	for name := range strings.SplitSeq(*only, ",") {
		switch {
		case name == "":
		case slices.Contains(names(), name):
			o.only = append(o.only, name)
		default:
			err = errors.Join(err, fmt.Errorf("-only: %q is none of %s", name, strings.Join(names(), ", ")))
		}
	}
	switch {
	case flags.NArg() > 0:
		err = errors.Join(err, fmt.Errorf("%q is one argument too many", flags.Arg(0)))
	case !slices.Contains([]string{anyBroker, string(brokertest.Node), string(brokertest.Container)}, *flavour):
		err = errors.Join(err, fmt.Errorf("-broker: %q is none of any, node, container", *flavour))
	}
	if err != nil {
		fmt.Fprintln(log, "bench:", err)
	}
	return o, err
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

// names are those of everything that can be measured.
func names() []string {
	var all []string
	for _, c := range contests(full) {
		all = append(all, c.name)
	}
	return append(all, memoryName)
}
