package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
)

// figure is one of the numbers that the entrants of a contest are measured by.
type figure struct {
	Name string
	Unit string
	// LowerIsBetter says which way a ratio is to be read.
	LowerIsBetter bool
	// Alone is a figure of which no ratio is told.
	Alone bool
}

// entrant is one who does the work of a contest.
type entrant struct {
	name string
	// run does the work once and returns a number for each figure of the contest.
	run func(ctx context.Context, a *arena) ([]float64, error)
	// optional is whether the contest goes on without it where it fails, which is told.
	optional bool
}

// floor is the worst that is good enough of an entrant's figure: its ratio to the first entrant's, or
// the median itself.
type floor struct {
	entrant  string
	figure   string
	bound    float64
	absolute bool // the bound is of the median
}

// contest is one kind of work, done by several in turn.
type contest struct {
	name string
	// what says in one sentence what is done and measured.
	what     string
	figures  []figure
	entrants []entrant // the first is the one that the others are compared with
	floors   []floor
	// often is how many times as many rounds are held as of the others; 0 is once. Short rounds that
	// alternate often tell apart what moods of the machine would hide.
	often int
}

// hold runs the entrants in turn for a number of rounds. The order is turned by one with each
// round, so that nobody always runs after the same other.
func (c *contest) hold(ctx context.Context, a *arena, rounds int, log io.Writer) (*result, error) {
	values := make([][][]float64, len(c.entrants)) // by entrant, figure, round
	for i := range values {
		values[i] = make([][]float64, len(c.figures))
	}
	out := map[string]error{}
	rounds *= max(c.often, 1)
	for round := range rounds {
		for turn := range c.entrants {
			i := (turn + round) % len(c.entrants)
			e := c.entrants[i]
			if out[e.name] != nil {
				continue
			}
			runtime.GC() // what the last one left is not this one's
			numbers, err := e.run(ctx, a)
			if err != nil && e.optional && ctx.Err() == nil {
				out[e.name] = err
				fmt.Fprintf(log, "%s %d/%d  %-28s is out: %v\n", c.name, round+1, rounds, e.name, err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", e.name, round+1, err)
			}
			for f, number := range numbers {
				values[i][f] = append(values[i][f], number)
			}
			fmt.Fprintf(log, "%s %d/%d  %-28s %s\n", c.name, round+1, rounds, e.name, c.shown(numbers))
		}
	}
	r := c.compare(values)
	for _, e := range c.entrants {
		if err := out[e.name]; err != nil {
			r.Out = append(r.Out, absence{e.name, err.Error()})
		}
	}
	return r, nil
}

// shown is the numbers of one run as text.
func (c *contest) shown(numbers []float64) string {
	var texts []string
	for i, f := range c.figures {
		if math.IsNaN(numbers[i]) {
			continue
		}
		texts = append(texts, strings.TrimSpace(f.Name+" "+number(numbers[i], f.Unit)+" "+f.Unit))
	}
	return strings.Join(texts, ", ")
}

// compare makes the rows of the report: for each entrant its figures, and their ratios to the first
// entrant's, taken round by round.
func (c *contest) compare(values [][][]float64) *result {
	r := &result{Contest: c.name, What: c.what}
	for i, e := range c.entrants {
		for j, f := range c.figures {
			if !isKnown(values[i][j]) {
				continue
			}
			one := row{
				Entrant: e.name, Figure: f.Name, Unit: f.Unit, Rounds: values[i][j], spread: spreadOf(values[i][j]),
			}
			if all := ratios(values[i][j], values[0][j]); i > 0 && !f.Alone && isKnown(all) {
				ratio := spreadOf(all)
				one.Ratio = &ratio
			}
			one.Floor = c.judge(&one, f)
			r.Rows = append(r.Rows, one)
		}
	}
	return r
}

// isKnown reports whether there are numbers and all are.
func isKnown(values []float64) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// judge compares a row with its floor, nil where it has none.
func (c *contest) judge(r *row, f figure) *verdict {
	for _, one := range c.floors {
		if one.entrant != r.Entrant || one.figure != f.Name {
			continue
		}
		got := r.Median
		if !one.absolute {
			if r.Ratio == nil {
				return nil
			}
			got = r.Ratio.Median
		}
		return &verdict{
			Bound: one.bound, AtMost: f.LowerIsBetter, Absolute: one.absolute,
			Holds: f.LowerIsBetter && got <= one.bound || !f.LowerIsBetter && got >= one.bound,
		}
	}
	return nil
}
