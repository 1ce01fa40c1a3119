package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/pgtest"
	"github.com/warrenmq/warren/routing"
)

const (
	// deafFor is how long a connection does not get through, one way, before it is cut, at most.
	deafFor = 300 * time.Millisecond
	// frozenFor is how long a worker is without PostgreSQL, beyond what a claim of its lasts.
	frozenFor = effectsLease * 3 / 2
	// stillFor is how long nothing may have been delivered before it is believed that nothing will
	// be: what is put off comes back sooner.
	stillFor = 2 * effectsLease
	// effectsPatience is how long tasks may take after the last fault.
	effectsPatience = 3 * time.Minute
)

// effects has tasks insert a row each, in PostgreSQL, on each kind of broker that was asked for. It
// returns errWrong where there is not exactly one row for each.
func effects(ctx context.Context, o effectsOptions, out, log io.Writer) (err error) {
	server, err := pgtest.Find(ctx, pgtest.Options{Out: log, In: os.Stdin})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	return o.onEach(ctx, log, func(b *brokertest.Broker) error { return effectsOn(ctx, b, server, o, out, log) })
}

// effectsOn is a run on one broker. The book and the logs are kept where something is wrong.
func effectsOn(ctx context.Context, b *brokertest.Broker, server *pgtest.Server, o effectsOptions, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-effects-")
	if err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, folder, "book", err, log) }()
	s := &scene{options: o, broker: b, server: server, folder: folder, book: filepath.Join(folder, "book"), log: log}
	err = s.open(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	if err == nil {
		s.sum, err = s.account(ctx)
	}
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	if err := s.write(out); err != nil {
		return err
	}
	if !s.sum.holds() {
		return errWrong
	}
	return nil
}

// scene is where effects are had: workers, each behind proxies of its own, and a publisher behind
// another.
type scene struct {
	options effectsOptions
	broker  *brokertest.Broker
	server  *pgtest.Server
	folder  string
	book    string
	log     io.Writer

	clientLog *os.File
	client    *broker.Client // past the proxies
	proxied   *broker.Client // the publisher's
	db        *sql.DB
	entrance  *brokertest.Proxy   // of the publisher
	rabbits   []*brokertest.Proxy // of the workers, by place
	elephants []*brokertest.Proxy
	crew      *crew
	publisher *publisher

	struck [effectsFaults]int
	took   time.Duration
	sum    sum
}

// open makes the tables and the queues and starts the workers.
func (s *scene) open(ctx context.Context) (err error) {
	address, err := s.server.CreateDatabase(ctx)
	if err != nil {
		return err
	}
	if s.db, err = pgtest.Open(address); err != nil {
		return err
	}
	store, err := idempotency.NewPostgres(s.db, "")
	if err != nil {
		return err
	}
	if err := store.CreateTable(ctx); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, effectsSchema); err != nil {
		return err
	}
	if s.clientLog, err = os.Create(filepath.Join(s.folder, "publisher.log")); err != nil {
		return err
	}
	if s.client, err = connectTo(ctx, s.broker, s.broker.URL, s.clientLog); err != nil {
		return err
	}
	if s.entrance, err = brokertest.StartProxy(ctx, s.broker.URL); err != nil {
		return err
	}
	if s.proxied, err = connectTo(ctx, s.broker, s.entrance.URL(), s.clientLog); err != nil {
		return err
	}
	var places []station
	for range s.options.workers {
		rabbit, err := brokertest.StartProxy(ctx, s.broker.URL)
		if err != nil {
			return err
		}
		s.rabbits = append(s.rabbits, rabbit)
		elephant, err := brokertest.StartProxy(ctx, address)
		if err != nil {
			return err
		}
		s.elephants = append(s.elephants, elephant)
		places = append(places, station{url: rabbit.URL(), postgres: elephant.URL(), unguarded: s.options.unguarded, ledger: s.book})
	}
	s.crew, err = startCrew(roleEffects, places, s.folder)
	return err
}

// close ends what is left of all that was opened.
func (s *scene) close() error {
	var err error
	if s.crew != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		err = s.crew.stop(ctx)
	}
	for _, client := range []*broker.Client{s.proxied, s.client} {
		if client != nil {
			client.Close()
		}
	}
	for _, proxy := range append(append([]*brokertest.Proxy{s.entrance}, s.rabbits...), s.elephants...) {
		if proxy != nil {
			proxy.Close()
		}
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if s.clientLog != nil {
		err = errors.Join(err, s.clientLog.Close())
	}
	return err
}

// run publishes the tasks while connections are cut all the while, waits until all is still, and
// stops the workers.
func (s *scene) run(ctx context.Context) error {
	began := time.Now()
	random := rand.New(rand.NewPCG(s.options.seed, 0))
	s.publisher = &publisher{client: s.proxied, began: began, published: map[string]*publication{}}
	fmt.Fprintf(s.log, "%s, PostgreSQL %s: %d tasks, seed %d\n", s.broker.Source, s.server.Version, s.options.tasks, s.options.seed)
	striking, published := context.WithCancel(ctx)
	defer published()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer published()
		return s.publisher.run(groupCtx, effectsTasks(s.options.effectsSettings, random))
	})
	s.strike(striking, rand.New(rand.NewPCG(s.options.seed, 1)))
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintln(s.log, "all is published and the faults are over; waiting until nothing is delivered any more")
	if err := s.awaitStill(ctx); err != nil {
		return err
	}
	s.took = time.Since(began)
	return s.crew.stop(ctx)
}

// effectsTasks are the tasks of a run, at a steady rate; one in five takes long enough to be met by a
// fault.
func effectsTasks(s effectsSettings, random *rand.Rand) []*item {
	var all []*item
	for n := range s.tasks {
		t := &item{
			id: fmt.Sprintf("%d-%06d", s.seed, n), kind: &kinds[0], script: works(random),
			at: time.Duration(n) * time.Second / time.Duration(s.rate),
		}
		if n%5 == 0 {
			t.script = worksLong(random)
		}
		all = append(all, t)
	}
	return all
}

// strike does something to one worker after the other until ctx is done. What it has held is let go
// by then.
func (s *scene) strike(ctx context.Context, random *rand.Rand) {
	var frozen errgroup.Group
	frozen.SetLimit(1) // the others can go on
	defer func() { _ = frozen.Wait() }()
	for n := 0; pauseFor(ctx, s.options.every); n++ {
		fault := drawFault(random)
		if at := n - firstFault; at >= 0 && at < len(someOfEach) {
			fault = someOfEach[at]
		}
		place := random.IntN(s.options.workers)
		if n%5 == 0 {
			s.entrance.Cut() // publishes are unconfirmed, and sent again
		}
		switch fault {
		case cutBroker:
			s.rabbits[place].StallUpstream()
			pauseFor(ctx, below(random, deafFor))
			s.rabbits[place].Cut()
			s.rabbits[place].Resume()
		case cutPostgres:
			s.elephants[place].DropDownstream(true)
			pauseFor(ctx, below(random, deafFor))
			s.elephants[place].Cut()
			s.elephants[place].DropDownstream(false)
		case freeze:
			if !frozen.TryGo(func() error {
				s.elephants[place].Stall()
				s.rabbits[place].Cut()
				pauseFor(ctx, frozenFor)
				s.elephants[place].Resume()
				return nil
			}) {
				continue // one is
			}
		case killEffects:
			if !s.crew.kill(place) {
				continue
			}
		}
		s.struck[fault]++
	}
}

// pauseFor waits, and is false where ctx has ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// awaitStill blocks until every task has an effect, nothing is ready in a queue, and nothing has been
// delivered for stillFor; or, with what is then wrong left to the account, until patience is over.
func (s *scene) awaitStill(ctx context.Context) error {
	limit := time.Now().Add(effectsPatience)
	moved, size := time.Now(), int64(0)
	for time.Now().Before(limit) {
		if !pauseFor(ctx, lookEvery) {
			return context.Cause(ctx)
		}
		info, err := os.Stat(s.book)
		if err != nil {
			return err
		}
		left, err := s.left(ctx)
		if err != nil {
			return err
		}
		if left > 0 || info.Size() != size {
			moved, size = time.Now(), info.Size()
		}
		if time.Since(moved) > stillFor {
			return nil
		}
	}
	fmt.Fprintf(s.log, "still not done %s after the last fault\n", effectsPatience)
	return nil
}

// left counts the tasks without an effect, and the messages in the queues.
func (s *scene) left(ctx context.Context) (int, error) {
	var had int
	if err := s.db.QueryRowContext(ctx, "SELECT count(DISTINCT task) FROM effects").Scan(&had); err != nil {
		return 0, err
	}
	left := max(0, s.options.tasks-had)
	depths, err := readyDepths(ctx, s.client)
	if err != nil {
		return 0, err
	}
	for _, n := range depths {
		left += n
	}
	return left, nil
}

// account counts, once the workers have stopped.
func (s *scene) account(ctx context.Context) (sum, error) {
	entries, byTask, err := readBook(s.book)
	if err != nil {
		return sum{}, err
	}
	rows, err := countEffects(ctx, s.db)
	if err != nil {
		return sum{}, err
	}
	dead, err := s.client.Depths(ctx, routing.DeadQueue(queueName))
	if err != nil {
		return sum{}, err
	}
	var ids []string
	for id := range s.publisher.published {
		ids = append(ids, id)
	}
	total := reckon(ids, entries, byTask, rows)
	total.dead = dead[routing.DeadQueue(queueName)].Ready
	return total, nil
}
