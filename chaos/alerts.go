package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/promtest"
)

const workerPackage = "github.com/warrenmq/warren/cmd/worker"

// alerts has a Prometheus with the shipped rules watch workers and a scheduler while one thing after the other goes
// wrong, on each kind of broker that was asked for. It returns errWrong where an alert did not fire for its
// cause, did not end with it, or fired without one.
func alerts(ctx context.Context, o alertOptions, out, log io.Writer) (err error) {
	prometheus, err := promtest.Find(ctx, promtest.Options{Out: log})
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "warren-programs-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	programs := map[string]string{}
	for _, pkg := range []string{workerPackage, schedulerPackage, warrenPackage} {
		if programs[path.Base(pkg)], err = build(ctx, pkg, folder, log); err != nil {
			return err
		}
	}
	return o.onEach(ctx, log, func(b *brokertest.Broker) error {
		return alertsOn(ctx, &site{options: o, broker: b, programs: programs, log: log}, prometheus, out)
	})
}

// alertsOn is a run on one broker. The logs are kept where something is wrong.
func alertsOn(ctx context.Context, s *site, prometheus promtest.Programs, out io.Writer) (err error) {
	if s.folder, err = os.MkdirTemp("", "warren-alerts-"); err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, s.folder, "configuration", err, s.log) }()
	began := time.Now()
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx, prometheus); err != nil {
		return err
	}
	episodes, err := s.run(ctx)
	if err != nil {
		return err
	}
	seen, err := s.lookout.told()
	if err != nil {
		return err
	}
	v := checkAlerts(episodes, seen)
	if err := s.askDashboard(ctx, began, v); err != nil {
		return err
	}
	s.took = time.Since(began)
	if err := s.write(out, v); err != nil {
		return err
	}
	if s.options.stay {
		fmt.Fprintf(s.log, "Prometheus is at %s until Ctrl-C.\n", s.prometheus.URL)
		<-ctx.Done()
	}
	if !v.holds() {
		return errWrong
	}
	return nil
}

// run brings about one cause after the other.
func (s *site) run(ctx context.Context) (episodes []episode, err error) {
	ctx, cancel := context.WithCancel(ctx)
	s.steady.Go(func() { s.publishSteadily(ctx) })
	s.steady.Go(func() { s.lookout.run(ctx) })
	defer s.steady.Wait()
	defer cancel()
	began := time.Now()
	if err := s.until(ctx, alertWithin, nil, func([]sighting) bool { return s.calm(began) }); err != nil {
		return nil, err
	}
	for _, c := range s.mishaps() {
		if s.options.short && c.long {
			continue
		}
		fmt.Fprintf(s.log, "%s\n", c.name)
		e, err := s.bring(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		episodes = append(episodes, e)
	}
	return episodes, nil
}

// dashboardAccount is how many expressions there are in the dashboard, and how many have had data.
type dashboardAccount struct{ asked, shown int }

// askDashboard asks Prometheus for all that the dashboard shows of the run. What it refuses, and a panel that is
// empty from beginning to end, is a finding.
func (s *site) askDashboard(ctx context.Context, from time.Time, v *alertVerdict) error {
	step := scrapeInterval / time.Duration(s.options.pace)
	all, err := dashboardExpressions(step)
	if err != nil {
		return err
	}
	for _, e := range all {
		s.dashboard.asked++
		found, err := s.prometheus.QueryRange(ctx, e.Text, from, time.Now(), step)
		switch {
		case errors.Is(err, promtest.ErrQuery):
			v.find("dashboard: %s: %v", e.Panel, err)
		case err != nil:
			return err
		case len(found) > 0:
			s.dashboard.shown++
		case !mayBeEmpty(e.Text, s.broker.Management != ""):
			v.find("dashboard: %s: no data for %s", e.Panel, e.Text)
		}
	}
	return nil
}
