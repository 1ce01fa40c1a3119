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

// peersCommand holds the contests with peers.
const peersCommand = "peers"

// peersSettings are how much of everything is measured with peers.
type peersSettings struct {
	Rounds       int           `json:"rounds"`
	PayloadBytes int           `json:"payload_bytes"`
	Tasks        int           `json:"tasks"`    // of a round of enqueue, drain and both
	Limit        time.Duration `json:"limit_ns"` // of a round, after which what was run by then counts
	LatencyTasks int           `json:"latency_tasks"`
	LatencyRate  int           `json:"latency_rate"`
	Delays       int           `json:"delays"`
	DelayRate    int           `json:"delay_rate"`
	DelayUpTo    time.Duration `json:"delay_up_to_ns"`
	// Sizes are those of the backlogs; GrowthTasks are published and run beside each, GrowthTimes times.
	Sizes       []int         `json:"sizes"`
	GrowthTasks int           `json:"growth_tasks"`
	GrowthTimes int           `json:"growth_times"`
	FillLimit   time.Duration `json:"fill_limit_ns"` // of one size
}

var (
	peersFull = peersSettings{
		Rounds: 5, PayloadBytes: 256, Tasks: 20_000, Limit: 30 * time.Second,
		LatencyTasks: 400, LatencyRate: 200,
		Delays: 500, DelayRate: 100, DelayUpTo: 5 * time.Second,
		Sizes: []int{1_000, 10_000, 100_000, 1_000_000}, GrowthTasks: 5_000, GrowthTimes: 3, FillLimit: 5 * time.Minute,
	}
	peersShort = peersSettings{
		Rounds: 1, PayloadBytes: 256, Tasks: 500, Limit: 10 * time.Second,
		LatencyTasks: 40, LatencyRate: 200,
		Delays: 40, DelayRate: 100, DelayUpTo: 500 * time.Millisecond,
		Sizes: []int{100, 1_000}, GrowthTasks: 200, GrowthTimes: 1, FillLimit: 20 * time.Second,
	}
)

// peersOptions are what the command line of peers asks for.
type peersOptions struct {
	settings peersSettings
	broker   string
	only     []string // contests; empty: all
	entrants []string // empty: all
	install  bool
	json     string // a file
	from     string // a file of figures that are told instead of measured
	charts   string // a folder
	check    bool
}

func (o *peersOptions) wants(contest string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, contest)
}

// wantsPeer reports whether an entrant takes part. The loop and Warren always do.
func (o *peersOptions) wantsPeer(name string) bool {
	return len(o.entrants) == 0 || name == peerLoop || name == peerWarren || slices.Contains(o.entrants, strings.ToLower(firstWord(name)))
}

// firstWord is what a command line calls an entrant: the variants of one go together.
func firstWord(name string) string {
	word, _, _ := strings.Cut(name, ",")
	return word
}

// parsePeers reads the command line of peers. What is wrong with it is told on log, and an error.
func parsePeers(args []string, log io.Writer) (peersOptions, error) {
	flags := flag.NewFlagSet("bench "+peersCommand, flag.ContinueOnError)
	flags.SetOutput(log)
	var (
		o        = peersOptions{settings: peersFull}
		isShort  = flags.Bool("short", false, "a small run that shows that everything works; its figures mean little")
		rounds   = flags.Int("rounds", 0, "`number` of rounds (default 5, 1 with -short)")
		tasks    = flags.Int("tasks", 0, "`number` of tasks a round of enqueue, drain and both (default 20000, 500 with -short)")
		most     = flags.Int("most", 0, "`number` of tasks in the largest backlog (default 1000000, 1000 with -short)")
		only     = flags.String("only", "", "comma-separated `names` of what is measured: "+strings.Join(peersContestNames(), ", ")+" (default all)")
		entrants = flags.String("entrants", "", "comma-separated `names` of whom Warren and the loop are measured with: "+strings.Join(peerWords(), ", ")+" (default all)")
	)
	flags.StringVar(&o.broker, "broker", anyBroker, "`kind` of RabbitMQ: any (a running one, else one is started), node, container")
	flags.BoolVar(&o.install, "install", false, "install what is absent: Debian's redis-server, celery and postgresql, and BullMQ by npm into the user's cache")
	flags.StringVar(&o.json, "json", "", "write the report as JSON, with the figure of every round, to `file` as well")
	flags.StringVar(&o.from, "from", "", "measure nothing: tell what -json has written to `file`")
	flags.StringVar(&o.charts, "charts", "", "draw the figures as SVG into `folder`")
	flags.BoolVar(&o.check, "check", false, "exit with 1 where a figure misses its floor")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *isShort {
		o.settings = peersShort
	}
	err := errors.Join(override(&o.settings.Rounds, "rounds", *rounds), override(&o.settings.Tasks, "tasks", *tasks), o.limitSizes(*most))
	var failed error
	o.only, failed = chosen("only", *only, peersContestNames())
	err = errors.Join(err, failed)
	o.entrants, failed = chosen("entrants", *entrants, peerWords())
	err = errors.Join(err, failed)
	switch {
	case flags.NArg() > 0:
		err = errors.Join(err, fmt.Errorf("%q is one argument too many", flags.Arg(0)))
	case !slices.Contains([]string{anyBroker, string(brokertest.Node), string(brokertest.Container)}, o.broker):
		err = errors.Join(err, fmt.Errorf("-broker: %q is none of any, node, container", o.broker))
	}
	if err != nil {
		fmt.Fprintln(log, "bench:", err)
	}
	return o, err
}

// limitSizes leaves out the backlogs that are larger than a number, which is 0 where it was not given.
func (o *peersOptions) limitSizes(most int) error {
	if most == 0 {
		return nil
	}
	var sizes []int
	for _, size := range o.settings.Sizes {
		if size <= most {
			sizes = append(sizes, size)
		}
	}
	if len(sizes) == 0 {
		return fmt.Errorf("-most: %d is below the least backlog, %d", most, o.settings.Sizes[0])
	}
	o.settings.Sizes = sizes
	return nil
}

// chosen splits a list of names, each of which must be one of those that are known.
func chosen(option, list string, known []string) (names []string, err error) {
	for name := range strings.SplitSeq(list, ",") {
		switch {
		case name == "":
		case slices.Contains(known, name):
			names = append(names, name)
		default:
			err = errors.Join(err, fmt.Errorf("-%s: %q is none of %s", option, name, strings.Join(known, ", ")))
		}
	}
	return names, err
}

// peerWords are what a command line calls the entrants that may be left out.
func peerWords() []string {
	var words []string
	for _, p := range allPeers() {
		word := strings.ToLower(firstWord(p.name))
		if p.name != peerLoop && p.name != peerWarren && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}
