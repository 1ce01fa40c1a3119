package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/internal/brokertest"
)

// leaderSoon is how long a fault waits for a scheduler that leads. Without one it does not strike.
const leaderSoon = 8 * time.Second

// striker carries out faults and notes what it has done.
type striker struct {
	broker     *brokertest.Broker
	gates      map[actor]*gate
	workers    *crew
	schedulers *crew
	leader     func(context.Context) (place int, leads bool)
	log        io.Writer

	mu    sync.Mutex
	lanes map[actor]*sync.Mutex // whoever is struck is struck by one thing at a time
	done  []damage
}

// run carries out the faults of a plan at their times. One does not hold up the next, unless they strike the
// same actor.
func (s *striker) run(ctx context.Context, began time.Time, all []strike) error {
	group, striking := errgroup.WithContext(ctx)
	for _, one := range all {
		if !pauseFor(striking, time.Until(began.Add(one.at))) {
			break
		}
		group.Go(func() error {
			if err := s.hit(striking, one); err != nil {
				return fmt.Errorf("%s, %s: %w", one.who, one.kind, err)
			}
			return nil
		})
	}
	return errors.Join(group.Wait(), ctx.Err())
}

// told returns what was done, in the order of its begin.
func (s *striker) told() []damage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.done), func(a, b damage) int { return a.from.Compare(b.from) })
}

func (s *striker) lane(who actor) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes == nil {
		s.lanes = map[actor]*sync.Mutex{}
	}
	if s.lanes[who] == nil {
		s.lanes[who] = &sync.Mutex{}
	}
	return s.lanes[who]
}

// hit carries out one fault and notes it, if there was somebody to strike.
func (s *striker) hit(ctx context.Context, one strike) error {
	if one.who.role == aScheduler {
		place, leads := s.leader(ctx)
		if !leads {
			return nil
		}
		one.who.place = place
	}
	lane := s.lane(one.who)
	lane.Lock()
	defer lane.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d := damage{kind: one.kind, who: one.who, span: span{from: time.Now()}}
	struck, err := s.strike(ctx, one, &d)
	if d.to.IsZero() {
		d.to = time.Now()
	}
	if struck {
		s.mu.Lock()
		s.done = append(s.done, d)
		s.mu.Unlock()
	}
	return err
}

// strike does what a fault is and undoes it. It returns false where nobody was there.
func (s *striker) strike(ctx context.Context, one strike, d *damage) (struck bool, err error) {
	crew := s.workers
	if one.who.role == aScheduler {
		crew = s.schedulers
	}
	switch one.kind {
	case killWorker, slayLeader:
		d.process, struck = crew.signal(one.who.place, syscall.SIGKILL)
		return struck, nil
	case pauseWorker, freezeWorker, freezeLeader:
		d.process, struck = crew.signal(one.who.place, syscall.SIGSTOP)
		if struck {
			pauseFor(ctx, one.lasts)
			crew.thaw(d.process)
		}
		return struck, nil
	case cutLink:
		return true, s.gates[one.who].cut()
	case stopBroker:
		return true, s.restart(ctx, s.broker.Stop, one.lasts)
	case crashBroker:
		return true, s.restart(ctx, s.broker.Kill, one.lasts)
	case memoryAlarm:
		d.from, d.to, err = s.broker.HoldAlarm(brokertest.Memory, one.lasts)
		return true, err
	case diskAlarm:
		d.from, d.to, err = s.broker.HoldAlarm(brokertest.Disk, one.lasts)
		return true, err
	}
	toxics := toxicsOf(one)
	if err := s.gates[one.who].poison(toxics); err != nil {
		return true, err
	}
	struck = true
	if one.kind == killSlowly {
		d.process, struck = crew.signal(one.who.place, syscall.SIGKILL)
	}
	pauseFor(ctx, one.lasts)
	return struck, s.gates[one.who].cure(toxics)
}

// restart ends the broker and starts it again.
func (s *striker) restart(ctx context.Context, end func(context.Context) error, away time.Duration) error {
	from := time.Now()
	if err := end(ctx); err != nil {
		return err
	}
	pauseFor(ctx, away)
	if err := s.broker.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.log, "the broker was away for %s\n", time.Since(from).Round(100*time.Millisecond))
	return nil
}
