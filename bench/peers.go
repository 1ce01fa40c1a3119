package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// peers measures Warren beside other task systems, or reads what was measured, and writes the report.
// Progress goes to log.
func peers(ctx context.Context, o *peersOptions, out, log io.Writer) error {
	r, err := readOrMeasure(ctx, o, log)
	if err != nil {
		return err
	}
	if err := r.writeText(out); err != nil {
		return err
	}
	if o.charts != "" {
		if err := r.draw(o.charts); err != nil {
			return fmt.Errorf("charts: %w", err)
		}
	}
	if o.check && !r.holds() {
		return errFloor
	}
	return nil
}

func readOrMeasure(ctx context.Context, o *peersOptions, log io.Writer) (*peersReport, error) {
	if o.from != "" {
		text, err := os.ReadFile(o.from)
		if err != nil {
			return nil, err
		}
		r := &peersReport{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", o.from, err)
		}
		return r, nil
	}
	r, err := measurePeers(ctx, o, log)
	if err != nil || o.json == "" {
		return r, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(o.json, append(text, '\n'), 0o644)
}

// measurePeers holds the contests with those that are there.
func measurePeers(ctx context.Context, o *peersOptions, log io.Writer) (_ *peersReport, err error) {
	here, err := findPeers(ctx, o, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, here.close()) }()
	r := &peersReport{
		About: peersAbout{
			At: time.Now().UTC().Truncate(time.Second), Warren: describeWarren(), Go: runtime.Version(),
			Platform: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(),
		},
		Settings: o.settings, Absent: here.absent,
	}
	if err := r.introduce(ctx, here); err != nil {
		return nil, err
	}
	for _, c := range peersContests(o.settings, here.peers) {
		if !o.wants(c.name) {
			continue
		}
		result, err := c.hold(ctx, nil, o.settings.Rounds, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		r.Contests = append(r.Contests, result)
	}
	for _, g := range growths(o.settings) {
		if !o.wants(g.name) {
			continue
		}
		result, err := g.measure(ctx, o.settings, here.peers, log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.name, err)
		}
		r.Growth = append(r.Growth, result)
	}
	return r, nil
}

// introduce asks each entrant what it is made of. One that does not start is absent.
func (r *peersReport) introduce(ctx context.Context, here *present) error {
	var able []*peer
	for _, p := range here.peers {
		var versions string
		e := ofPeer(p, r.Settings, func(_ context.Context, run *peerProcess) ([]float64, error) {
			versions = run.hello.Versions
			return nil, nil
		})
		_, err := e.run(ctx, nil)
		switch {
		case err != nil && (!e.optional || ctx.Err() != nil):
			return fmt.Errorf("%s: %w", p.name, err)
		case err != nil:
			r.Absent = append(r.Absent, absence{p.name, err.Error()})
			continue
		}
		able = append(able, p)
		r.Entrants = append(r.Entrants, peerAbout{
			Name: p.name, Versions: versions, Server: p.site.server(), Settings: p.settings, Durability: p.site.durability(),
		})
	}
	here.peers = able
	return nil
}
