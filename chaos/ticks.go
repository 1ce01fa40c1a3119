package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

const schedulerPackage = "github.com/warrenmq/warren/cmd/scheduler"

// ticks has schedulers emit ticks on each kind of broker that was asked for, or on a cluster, while they
// and the broker are ended. It returns errWrong where a tick was not as it should be.
func ticks(ctx context.Context, o tickOptions, out, log io.Writer) error {
	return withProgram(ctx, schedulerPackage, log, func(program string) error {
		run := ticksRun{options: o, program: program, out: out, log: log}
		if o.cluster {
			return run.onCluster(ctx)
		}
		return o.onEach(ctx, log, func(b *brokertest.Broker) error { return run.onBroker(ctx, b) })
	})
}

// ticksRun is what all parts of a run have in common.
type ticksRun struct {
	options  tickOptions
	program  string // of the scheduler
	out, log io.Writer
}

// onBroker runs the parts that were asked for, each in a virtual host of its own. What is wrong in one
// does not keep the next from being run.
func (r ticksRun) onBroker(ctx context.Context, b *brokertest.Broker) error {
	var failures []error
	for _, name := range r.options.parts {
		part := r.kills
		if name == partAway {
			part = r.away
		}
		host, err := b.NewVhost(ctx, name)
		if err == nil {
			err = part(ctx, host)
		}
		failures = append(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// within opens a place with schedulers, has something done there, stops them, and tells what came of
// it. The logs are kept where something is wrong.
func (r ticksRun) within(ctx context.Context, a *arena, do func(context.Context) error, tell func(*arena) error) (err error) {
	if a.folder, err = os.MkdirTemp("", "warren-ticks-"); err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, a.folder, "configuration", err, r.log) }()
	a.program, a.log = r.program, r.log
	began := time.Now()
	err = a.open(ctx)
	if err == nil {
		err = do(ctx)
	}
	if err == nil {
		err = a.finish(ctx)
	}
	if err = errors.Join(err, a.close()); err != nil {
		return err
	}
	a.took = time.Since(began)
	return tell(a)
}
