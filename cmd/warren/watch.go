package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/warrenmq/warren/alerts"
	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
)

// look is what RabbitMQ told at a moment, or why it told nothing.
type look struct {
	at  time.Time
	o   *overview
	err error
}

const (
	// firstPatience is how long the first look waits for the streams to be read.
	firstPatience = 2 * time.Second
	// lookPatience is how long a look may take.
	lookPatience = 5 * time.Second
)

// watchQueues shows the queues again and again until ctx is done or q is typed, through losses of RabbitMQ.
func (c *cli) watchQueues(ctx context.Context, client *broker.Client, cfg *config.Config, alerting alerting, interval time.Duration, asJSON bool) error {
	l, err := c.follow(client, cfg, alerting)
	if err != nil {
		return err
	}
	defer l.close()
	ctx, cancel := context.WithCancel(ctx)
	looks := make(chan look)
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	done.Go(func() { l.keepLooking(ctx, interval, looks) })
	file, isFile := c.stdout.Writer.(*os.File)
	switch {
	case asJSON:
		return c.watchLines(ctx, looks, c.watchJSON)
	case !isFile || c.stdout.width() == 0:
		return c.watchLines(ctx, looks, c.watchTable)
	}
	s := newScreen(openTerminal(file, c.stdin))
	defer s.close()
	locale := ""
	for _, name := range []string{"LANG", "LC_CTYPE", "LC_ALL"} { // the last that is set counts
		if value, _ := c.getenv(name); value != "" {
			locale = strings.ToUpper(value)
		}
	}
	return watchScreen(ctx, s, looks, c.now, view{
		title:  fmt.Sprintf("RabbitMQ %s at %s", client.Version(), broker.Redact(cfg.Broker.URLs[0])),
		colour: c.colour(), unicode: strings.Contains(strings.ReplaceAll(locale, "-", ""), "UTF8"),
	})
}

// keepLooking looks once an interval until ctx is done.
func (l *live) keepLooking(ctx context.Context, interval time.Duration, looks chan<- look) {
	first, cancel := context.WithTimeout(ctx, firstPatience)
	l.catchUp(first)
	cancel()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		within, cancel := context.WithTimeout(ctx, lookPatience)
		o, err := l.look(within)
		cancel()
		select {
		case looks <- look{at: l.now(), o: o, err: err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// watchScreen draws looks as they come, until ctx is done or the user wants no more.
func watchScreen(ctx context.Context, s *screen, looks <-chan look, now func() time.Time, v view) error {
	for {
		v.width, v.height = s.size()
		v.now = now()
		if err := s.draw(v.lines()); err != nil {
			return fmt.Errorf("draw the queues: %w", err)
		}
		select {
		case l := <-looks:
			v.take(l)
		case <-s.resized():
		case key := <-s.keys():
			switch key {
			case 'q', 'Q', ctrlC:
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// take notes a look: where it failed, the numbers of the one before stay.
func (v *view) take(l look) {
	switch {
	case l.err == nil:
		v.o, v.away, v.awaySince = l.o, nil, time.Time{}
	case v.away == nil:
		v.away, v.awaySince = l.err, l.at
	default:
		v.away = l.err
	}
}

// watchLines prints each look until ctx is done.
func (c *cli) watchLines(ctx context.Context, looks <-chan look, show func(look) error) error {
	for {
		select {
		case l := <-looks:
			if err := show(l); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// watchLine is a look as JSON. Error is why there are no numbers.
type watchLine struct {
	At       time.Time        `json:"at"`
	Error    string           `json:"error,omitempty"`
	Leader   *leaderStatus    `json:"leader"`
	Queues   []queueState     `json:"queues"`
	Findings []alerts.Finding `json:"findings"`
}

func (c *cli) watchJSON(l look) error {
	line := watchLine{At: l.at.UTC(), Queues: []queueState{}, Findings: []alerts.Finding{}}
	if l.err != nil {
		line.Error = l.err.Error()
	} else {
		line.Leader, line.Queues = l.o.leader, l.o.queues
		line.Findings = append(line.Findings, l.o.report.Findings...)
	}
	return c.lines().Encode(line)
}

// watchTable prints a look as a table with the time above it.
func (c *cli) watchTable(l look) error {
	at := l.at.Local().Format(time.DateTime)
	if l.err != nil {
		_, err := fmt.Fprintf(c.stdout, "%s  RabbitMQ is away: %s\n\n", at, onOneLine(l.err.Error()))
		return err
	}
	if _, err := fmt.Fprintln(c.stdout, at); err != nil {
		return err
	}
	if err := c.writeQueues(l.o); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.stdout)
	return err
}
