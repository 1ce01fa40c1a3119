package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/version"
)

// report is everything that a bench has found out.
type report struct {
	About    about     `json:"about"`
	Settings settings  `json:"settings"`
	Contests []*result `json:"contests"`
	Memory   *memory   `json:"memory,omitempty"`
}

// about is what was measured, and on what.
type about struct {
	At       time.Time `json:"at"`
	Warren   string    `json:"warren"`
	Library  string    `json:"amqp091_go"`
	Go       string    `json:"go"`
	RabbitMQ string    `json:"rabbitmq"`
	Source   string    `json:"rabbitmq_source"`
	Platform string    `json:"platform"`
	CPUs     int       `json:"cpus"`
}

// result is what came of a contest.
type result struct {
	Contest string `json:"contest"`
	What    string `json:"what"`
	Rows    []row  `json:"rows"`
	// Out are the entrants that failed, and why: they have the figures of the rounds before that.
	Out []absence `json:"out,omitempty"`
}

// row is one figure of one entrant.
type row struct {
	Entrant string    `json:"entrant"`
	Figure  string    `json:"figure"`
	Unit    string    `json:"unit"`
	Rounds  []float64 `json:"rounds"`
	spread
	// Ratio is to the first entrant of the contest, round by round; nil for that one.
	Ratio *spread  `json:"ratio,omitempty"`
	Floor *verdict `json:"floor,omitempty"`
}

// verdict is how a figure compares with its floor.
type verdict struct {
	Bound    float64 `json:"bound"`
	AtMost   bool    `json:"at_most"`  // it may be at most so much, else at least
	Absolute bool    `json:"absolute"` // it is the median that is bound, else the ratio
	Holds    bool    `json:"holds"`
}

// library is the path of the client library that both Warren and the loop use.
const library = "github.com/rabbitmq/amqp091-go"

// describe tells what is measured here.
func describe(b *brokertest.Broker) about {
	a := about{
		At: time.Now().UTC().Truncate(time.Second), Warren: version.Text(), Go: runtime.Version(),
		RabbitMQ: b.Version, Source: b.Source, Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
	}
	a.Library = versionOf(library)
	return a
}

// versionOf is the version of a module that this program is built with, empty where it is not told.
func versionOf(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path == path {
			return module.Version
		}
	}
	return ""
}

// holds reports whether every floor holds and the memory is flat, as far as they were measured.
func (r *report) holds() bool {
	for _, c := range r.Contests {
		for _, one := range c.Rows {
			if one.Floor != nil && !one.Floor.Holds {
				return false
			}
		}
	}
	return r.Memory == nil || r.Memory.Flat
}

// writeJSON writes the report with the figures of every round.
func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeText writes the report for a reader.
func (r *report) writeText(w io.Writer) error {
	out := &errorWriter{to: w}
	fmt.Fprintf(out, "Warren %s, amqp091-go %s, %s, RabbitMQ: %s, %s, %d CPUs, %s\n",
		r.About.Warren, r.About.Library, r.About.Go, r.About.Source, r.About.Platform, r.About.CPUs, r.About.At.Format(time.RFC3339))
	fmt.Fprintf(out, "%d rounds in turn; medians, and the least and the greatest in brackets; ratios to the first line, taken round by round\n",
		r.Settings.Rounds)
	for _, c := range r.Contests {
		fmt.Fprintf(out, "\n%s (%s): %s\n", c.Contest, r.Settings.of(c.Contest), c.What)
		c.table().write(out)
	}
	if r.Memory != nil {
		fmt.Fprintf(out, "\n%s (%d tasks of %d bytes): a process of its own runs tasks that do nothing, looked at every %s\n",
			memoryName, r.Memory.Tasks, r.Settings.PayloadBytes, r.Settings.MemoryEvery)
		r.Memory.table().write(out)
		fmt.Fprintf(out, "  flat: %s\n", yes(r.Memory.Flat))
	}
	return out.err
}

// of tells the settings of one contest.
func (s settings) of(contest string) string {
	switch contest {
	case "latency":
		return fmt.Sprintf("%d tasks of %d bytes, %d/s, %d rounds", s.LatencyTasks, s.PayloadBytes, s.LatencyRate, latencyOften*s.Rounds)
	case historyName:
		return fmt.Sprintf("%d tasks of %d bytes, %d rounds", s.Tasks, s.PayloadBytes, historyOften*s.Rounds)
	case startName:
		return fmt.Sprintf("%d tasks of %d bytes wait, %d rounds", startTasks, s.PayloadBytes, startOften*s.Rounds)
	case "delays":
		return fmt.Sprintf("%d tasks, %d/s, delayed by 0 to %s", s.Delays, s.DelayRate, s.DelayUpTo)
	default:
		return fmt.Sprintf("%d tasks of %d bytes", s.Tasks, s.PayloadBytes)
	}
}

func (c *result) table() *table {
	t := &table{header: []string{"", "", "median", "", "ratio", "", "floor", ""}, texts: []bool{0: true, 1: true, 3: true, 5: true, 6: true, 7: true}}
	for _, one := range c.Rows {
		cells := []string{
			one.Entrant, one.Figure, number(one.Median, one.Unit) + " " + one.Unit, bracket(one.spread, one.Unit), "", "", "", "",
		}
		if one.Ratio != nil {
			cells[4], cells[5] = number(one.Ratio.Median, ""), bracket(*one.Ratio, "")
		}
		if f := one.Floor; f != nil {
			unit := ""
			if f.Absolute {
				unit = one.Unit
			}
			cells[6] = strings.TrimSpace(map[bool]string{true: "at most ", false: "at least "}[f.AtMost] + number(f.Bound, unit) + " " + unit)
			cells[7] = map[bool]string{true: "holds", false: "MISSED"}[f.Holds]
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

func (m *memory) table() *table {
	t := &table{
		header: []string{"", "first quarter", "", "last quarter", ""},
		texts:  []bool{0: true, 2: true, 4: true},
	}
	for _, one := range []struct {
		name, unit string
		quarters   quarters
	}{{"resident", "MiB", m.RSS}, {"running", "goroutines", m.Goroutines}} {
		t.rows = append(t.rows, []string{
			one.name,
			number(one.quarters.First.Median, one.unit) + " " + one.unit, bracket(one.quarters.First, one.unit),
			number(one.quarters.Last.Median, one.unit) + " " + one.unit, bracket(one.quarters.Last, one.unit),
		})
	}
	return t
}

func bracket(s spread, unit string) string {
	return "(" + number(s.Min, unit) + " .. " + number(s.Max, unit) + ")"
}

// number is a number with as many decimals as its unit is worth.
func number(n float64, unit string) string {
	decimals := 2
	switch unit {
	case "tasks/s", "goroutines":
		decimals = 0
	case "MiB", "µs":
		decimals = 1
	}
	return strconv.FormatFloat(n, 'f', decimals, 64)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}
