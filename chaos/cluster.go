package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/warrenmq/warren/internal/brokertest"
)

// onClusters has tasks and ticks go through a cluster whose nodes are killed, cut off and restarted under
// them, on each kind of broker that was asked for. It returns errWrong where anything was lost, came twice
// for no reason, stood still for too long, or two schedulers led.
func onClusters(ctx context.Context, o clusterOptions, out, log io.Writer) error {
	return withProgram(ctx, schedulerPackage, log, func(program string) error {
		return onEachOf(ctx, o.choice, log, func(flavour brokertest.Flavour) (*brokertest.Cluster, error) {
			return brokertest.StartCluster(ctx, flavour, clusterNodes, brokertest.Options{Out: log})
		}, func(cluster *brokertest.Cluster) error {
			s := &stage{options: o, cluster: cluster, program: program, log: log}
			return s.perform(ctx, out)
		})
	})
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
