package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/warrenmq/warren/routing"
)

// run publishes and samples, waits until all is run, stops everybody, and counts.
func (p *pond) run(ctx context.Context) error {
	fmt.Fprintf(p.log, "%s: %d tasks at %d/s for %s\n", p.broker.Source, p.options.tasks(), p.options.rate, p.options.duration)
	if err := p.publish(ctx); err != nil {
		return err
	}
	fmt.Fprintln(p.log, "all is published; waiting for what is delayed")
	if err := p.emitters.stop(ctx); err != nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.workers.stop(ctx); err != nil {
		return err
	}
	return p.count(ctx)
}

// publish runs the publisher to its end and samples meanwhile.
func (p *pond) publish(ctx context.Context) error {
	output, err := os.Create(filepath.Join(p.folder, "publisher.log"))
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.CommandContext(ctx, p.self, p.process(roleSoakPublisher, soakPublisher).Args[1:]...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return err
	}
	over, end := make(chan struct{}), make(chan error, 1)
	go func() {
		end <- cmd.Wait()
		close(over)
	}()
	p.sampler.began = time.Now()
	if pauseFor(ctx, p.options.every) { // until it answers
		p.sampler.run(ctx, p.options.every, over)
	}
	if err := <-end; err != nil {
		return fmt.Errorf("the publisher: %w: %s", err, lastLine(output.Name()))
	}
	return ctx.Err()
}

// settle blocks until nothing is under way any more, or for as long as that may take; the account says then what is left.
func (p *pond) settle(ctx context.Context) error {
	limit := time.Now().Add(longestDelay + settleWithin)
	for quiet := 0; quiet < quietLooks && time.Now().Before(limit); quiet++ {
		left, err := p.underWay(ctx)
		if err != nil {
			return err
		}
		if left > 0 {
			quiet = -1
		}
		if !pauseFor(ctx, lookEvery) {
			return context.Cause(ctx)
		}
	}
	return nil
}

// underWay counts the messages in the queues and those that workers have.
func (p *pond) underWay(ctx context.Context) (int, error) {
	left, _, err := p.depths(ctx)
	if err != nil {
		return 0, err
	}
	for place := range soakWorkers {
		told, err := scrape(ctx, p.listens[fmt.Sprintf("worker-%d", place+1)])
		if err != nil {
			return 0, err
		}
		left += int(told["warren_tasks_held"] + told["warren_tasks_running"])
	}
	return left, nil
}

// depths counts the messages in the work queue and the ladder, and the dead letters.
func (p *pond) depths(ctx context.Context) (left, dead int, err error) {
	names := p.client.Names()
	queues := []string{queueName, routing.DeadQueue(queueName), names.Unrouted()}
	for k := range routing.LadderDigits {
		for digit := 1; digit <= 3; digit++ {
			queues = append(queues, names.LadderQueue(k, digit))
		}
	}
	depths, err := p.client.Depths(ctx, queues...)
	if err != nil {
		return 0, 0, err
	}
	for _, queue := range queues {
		if slices.Contains(queues[1:3], queue) {
			dead += depths[queue].Ready
		} else {
			left += depths[queue].Ready
		}
	}
	return left, dead, nil
}

// count makes the account of a soak whose processes have ended.
func (p *pond) count(ctx context.Context) error {
	var published posted
	if err := readJSON(p.result(soakPublisher), &published); err != nil {
		return err
	}
	all := make([]tallied, soakWorkers)
	for place := range all {
		if err := readJSON(p.result(fmt.Sprintf("worker-%d", place+1)), &all[place]); err != nil {
			return err
		}
	}
	sum, done := join(all)
	left, dead, err := p.depths(ctx)
	if err != nil {
		return err
	}
	p.account = account{
		Published: published.Published, Results: published.Results, Done: done, Runs: sum.Runs, Dead: dead, Left: left,
		Lost: max(0, published.Published-done-dead-left), Emitted: int(p.sampler.last[soakScheduler][emittedTicks]), Ticks: sum.Ticks,
		Took: published.Took, Asked: p.options.duration,
	}
	for _, c := range []*crew{p.workers, p.emitters} {
		_, byself, badEnds := c.told()
		p.unasked = append(p.unasked, append(byself, badEnds...)...)
	}
	return nil
}

// tell reports, and writes the files that were asked for.
func (p *pond) tell(out io.Writer) error {
	v := judgeSoak(p.broker.Source, p.options.rate, p.account, p.sampler.series, append(p.unasked, p.sampler.failures...))
	if p.options.json != "" {
		if err := writeJSON(p.options.json, v); err != nil {
			return err
		}
	}
	if p.options.chart != "" {
		if err := os.WriteFile(p.options.chart, []byte(soakChart(v)), 0o644); err != nil {
			return err
		}
	}
	if err := v.write(out); err != nil {
		return err
	}
	if len(v.Findings) > 0 {
		return errWrong
	}
	return nil
}
