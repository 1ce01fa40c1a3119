package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
)

// figure is one of the numbers that the entrants of a contest are measured by.
type figure struct {
	Name string
	Unit string
	// LowerIsBetter says which way a ratio is to be read.
	LowerIsBetter bool
}

// entrant is one who does the work of a contest.
type entrant struct {
	name string
	// run does the work once and returns a number for each figure of the contest.
	run func(ctx context.Context, a *arena) ([]float64, error)
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
	rounds *= max(c.often, 1)
	for round := range rounds {
		for turn := range c.entrants {
			i := (turn + round) % len(c.entrants)
			e := c.entrants[i]
			runtime.GC() // what the last one left is not this one's
			numbers, err := e.run(ctx, a)
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", e.name, round+1, err)
			}
			for f, number := range numbers {
				values[i][f] = append(values[i][f], number)
			}
			fmt.Fprintf(log, "%s %d/%d  %-28s %s\n", c.name, round+1, rounds, e.name, c.shown(numbers))
		}
	}
	return c.compare(values), nil
}

// shown is the numbers of one run as text.
func (c *contest) shown(numbers []float64) string {
	var texts []string
	for i, f := range c.figures {
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
			one := row{
				Entrant: e.name, Figure: f.Name, Unit: f.Unit, Rounds: values[i][j], spread: spreadOf(values[i][j]),
			}
			if i > 0 {
				ratio := spreadOf(ratios(values[i][j], values[0][j]))
				one.Ratio = &ratio
			}
			one.Floor = c.judge(&one, f)
			r.Rows = append(r.Rows, one)
		}
	}
	return r
}

// judge compares a row with its floor, nil where it has none.
func (c *contest) judge(r *row, f figure) *verdict {
	for _, one := range c.floors {
		if one.entrant != r.Entrant || one.figure != f.Name {
			continue
		}
		got := r.Median
		if !one.absolute {
			got = r.Ratio.Median
		}
		return &verdict{
			Bound: one.bound, AtMost: f.LowerIsBetter, Absolute: one.absolute,
			Holds: f.LowerIsBetter && got <= one.bound || !f.LowerIsBetter && got >= one.bound,
		}
	}
	return nil
}
