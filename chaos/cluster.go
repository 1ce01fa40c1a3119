package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/warrenmq/warren/internal/brokertest"
)

// onClusters has tasks and ticks go through a cluster whose nodes are killed, cut off and restarted under
// them, on each kind of broker that was asked for. It returns errWrong where anything was lost, came twice
// for no reason, stood still for too long, or two schedulers led.
func onClusters(ctx context.Context, o clusterOptions, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-scheduler-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program, err := build(ctx, schedulerPackage, folder, log)
	if err != nil {
		return err
	}
	var failures []error
	ran := 0
	for _, flavour := range o.brokers {
		cluster, err := brokertest.StartCluster(ctx, flavour, clusterNodes, brokertest.Options{Out: log})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && o.all:
			fmt.Fprintln(log, err)
			continue
		case err != nil:
			return err
		}
		ran++
		s := &stage{options: o, cluster: cluster, program: program, log: log}
		failures = append(failures, errors.Join(s.perform(ctx, out), cluster.Close()))
		if ctx.Err() != nil {
			break
		}
	}
	if ran == 0 {
		return errNoBroker
	}
	return errors.Join(failures...)
}

// perform is a run on one cluster. The ledger and the logs are kept where something is wrong.
func (s *stage) perform(ctx context.Context, out io.Writer) (err error) {
	if s.folder, err = os.MkdirTemp("", "warren-cluster-"); err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, s.folder, "ledger", err, s.log) }()
	err = s.open(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	v := s.evidence.judge()
	if err := v.write(out, s); err != nil {
		return err
	}
	if !v.holds() {
		return errWrong
	}
	return nil
}
