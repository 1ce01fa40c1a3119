package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// present are the entrants that can be had here, and why the others cannot.
type present struct {
	peers   []*peer
	absent  []absence
	sites   map[string]site
	order   []site // as they were opened
	scratch string
}

// absence is an entrant that has no figures, or no more, and why.
type absence struct {
	Entrant string `json:"entrant"`
	Reason  string `json:"reason"`
}

// findPeers finds the entrants that were asked for, and opens the servers that they need. The caller closes it.
func findPeers(ctx context.Context, o *peersOptions, log io.Writer) (_ *present, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	p := &present{sites: map[string]site{}}
	if p.scratch, err = os.MkdirTemp("", "warren-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	f := finding{install: o.install, cache: filepath.Join(cache, "warren-bench"), scratch: p.scratch, log: log}
	for _, one := range allPeers() {
		if !o.wantsPeer(one.name) {
			continue
		}
		failed := p.admit(ctx, one, f, o)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case failed != nil && one.needs == siteRabbit: // without the loop and Warren there is nothing to compare
			return nil, fmt.Errorf("%s: %w", one.name, failed)
		case failed != nil:
			fmt.Fprintf(log, "%s is absent: %v\n", one.name, failed)
			p.absent = append(p.absent, absence{one.name, failed.Error()})
		default:
			p.peers = append(p.peers, one)
		}
	}
	return p, nil
}

// admit finds an entrant and opens its site.
func (p *present) admit(ctx context.Context, one *peer, f finding, o *peersOptions) (err error) {
	if one.command, err = one.find(ctx, f); err != nil {
		return err
	}
	one.site, err = p.site(ctx, one.needs, f, o)
	return err
}

// site opens a site once.
func (p *present) site(ctx context.Context, name string, f finding, o *peersOptions) (site, error) {
	if s, opened := p.sites[name]; opened {
		return s, nil
	}
	s, err := p.openSite(ctx, name, f, o)
	if err != nil {
		return nil, err
	}
	p.sites[name] = s
	p.order = append(p.order, s)
	return s, nil
}

func (p *present) openSite(ctx context.Context, name string, f finding, o *peersOptions) (site, error) {
	switch name {
	case siteRedis:
		have := func() error {
			if _, err := exec.LookPath(redisProgram); err != nil {
				return fmt.Errorf("%w (apt-get install redis-server)", err)
			}
			return nil
		}
		if err := orInstall(ctx, f, redisProgram, have); err != nil {
			return nil, err
		}
		return openSiteOf(startRedis(ctx))
	case sitePostgres:
		return openSiteOf(openPostgres(ctx, f.log, f.install))
	case sitePlainRabbit:
		shared, err := p.site(ctx, siteRabbit, f, o)
		if err != nil {
			return nil, err
		}
		return plainRabbit{shared.(*rabbit)}, nil
	default:
		return openSiteOf(openRabbit(ctx, o.broker, f.log))
	}
}

// openSiteOf is a site, or no site where there is an error.
func openSiteOf[S site](s S, err error) (site, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// close closes the servers, the last first.
func (p *present) close() error {
	var failures []error
	for _, s := range slices.Backward(p.order) {
		failures = append(failures, s.close())
	}
	return errors.Join(append(failures, os.RemoveAll(p.scratch))...)
}
