package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/warrenmq/warren/bench/internal/chart"
)

const (
	// growthBatch is how many tasks of a backlog are published by one request.
	growthBatch = 10_000
	// growthDelay is how far in the future the tasks are that wait for their time.
	growthDelay = time.Hour
	// slowedAllowed is how much slower than beside none the largest number of delayed tasks may make what runs
	// now.
	slowedAllowed = 0.10
)

// growth is how rates change with what waits.
type growth struct {
	Name  string       `json:"name"`
	What  string       `json:"what"`
	Sizes []int        `json:"sizes"`
	Lines []growthLine `json:"lines"`
}

// growthLine is one figure of one entrant.
type growthLine struct {
	Entrant string `json:"entrant"`
	Figure  string `json:"figure"`
	// Points are those of the first sizes: all, where it was not given up.
	Points  []spread `json:"points"`
	GivenUp string   `json:"given_up,omitempty"`
}

// change is the last size's median in proportion to the first's, and false where that was not measured.
func (l *growthLine) change(sizes int) (ratio float64, ok bool) {
	if len(l.Points) < sizes || sizes < 2 {
		return 0, false
	}
	return l.Points[sizes-1].Median / l.Points[0].Median, true
}

// measuredGrowth is one of the two kinds of growth.
type measuredGrowth struct {
	name, what string
	sizes      []int
	figures    []string
	delay      time.Duration // of the tasks that wait
	// rates measures beside a backlog, once, a rate for each figure.
	rates func(ctx context.Context, run *peerProcess) ([]float64, error)
}

func growths(s peersSettings) []measuredGrowth {
	limit := s.Limit.Milliseconds()
	ask := func(ctx context.Context, run *peerProcess, do string, count int) (float64, error) {
		a, err := run.ask(ctx, request{Do: do, Count: count, LimitMS: limit})
		return a.rate(), err
	}
	return []measuredGrowth{
		{
			name: backlogName, sizes: s.Sizes, figures: []string{"enqueue", "drain"},
			what: "tasks are published, and run, while others wait in the queue",
			rates: func(ctx context.Context, run *peerProcess) ([]float64, error) {
				// Half as many again, since a worker runs a few more before it has stopped.
				enqueued, err := ask(ctx, run, doEnqueue, s.GrowthTasks+s.GrowthTasks/2)
				if err != nil {
					return nil, err
				}
				drained, err := ask(ctx, run, doDrain, s.GrowthTasks)
				return []float64{enqueued, drained}, err
			},
		},
		{
			name: delayedName, sizes: append([]int{0}, s.Sizes...), figures: []string{"both"}, delay: growthDelay,
			what: "tasks are published and run at once, while others wait for a time that is an hour away",
			rates: func(ctx context.Context, run *peerProcess) ([]float64, error) {
				rate, err := ask(ctx, run, doBoth, s.GrowthTasks)
				return []float64{rate}, err
			},
		},
	}
}

// measure measures the peers that grow, one after the other. It returns an error only where ctx is done.
func (g *measuredGrowth) measure(ctx context.Context, s peersSettings, peers []*peer, log io.Writer) (*growth, error) {
	result := &growth{Name: g.name, What: g.what, Sizes: g.sizes}
	for _, p := range peers {
		if !p.grows || g.delay > 0 && !p.delays {
			continue
		}
		lines := make([]growthLine, len(g.figures))
		for i, name := range g.figures {
			lines[i] = growthLine{Entrant: p.name, Figure: name}
		}
		e := ofPeer(p, s, func(ctx context.Context, run *peerProcess) ([]float64, error) {
			return nil, g.climb(ctx, s, run, lines, log)
		})
		_, err := e.run(ctx, nil)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			fmt.Fprintf(log, "%s  %-28s is out: %v\n", g.name, p.name, err)
			for i := range lines {
				lines[i].GivenUp = err.Error()
			}
		}
		result.Lines = append(result.Lines, lines...)
	}
	return result, nil
}

// climb measures at each size, from the least, and adds what it has found to the lines.
func (g *measuredGrowth) climb(ctx context.Context, s peersSettings, run *peerProcess, lines []growthLine, log io.Writer) error {
	filled := 0
	for _, size := range g.sizes {
		if err := fill(ctx, run, size-filled, g.delay, s.FillLimit); err != nil {
			return fmt.Errorf("at %s: %w", thousands(size), err)
		}
		filled = size
		rates := make([][]float64, len(lines))
		for range s.GrowthTimes {
			one, err := g.rates(ctx, run)
			if err != nil {
				return fmt.Errorf("at %s: %w", thousands(size), err)
			}
			for i := range lines {
				rates[i] = append(rates[i], one[i])
			}
		}
		for i := range lines {
			point := spreadOf(rates[i])
			lines[i].Points = append(lines[i].Points, point)
			fmt.Fprintf(log, "%s %s  %-28s %s %s tasks/s\n", g.name, thousands(size), lines[i].Entrant, lines[i].Figure, number(point.Median, "tasks/s"))
		}
	}
	return nil
}

// fill publishes tasks that are to wait, within a limit.
func fill(ctx context.Context, run *peerProcess, count int, delay, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errFill)
	defer cancel()
	for done := 0; done < count; {
		n := min(growthBatch, count-done)
		_, err := run.ask(ctx, request{Do: doEnqueue, Count: n, DelayMS: delay.Milliseconds(), LimitMS: limit.Milliseconds()})
		if errors.Is(err, errFill) {
			return fmt.Errorf("%w: %d of %d tasks were published within %s", errGivenUp, done, count, limit)
		}
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

// errFill is a backlog that takes too long to publish.
var errFill = errors.New("the backlog takes too long to publish")

// thousands is a number with its digits in groups.
func thousands(n int) string {
	return chart.Thousands(float64(n))
}
