package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

const warrenPackage = "github.com/warrenmq/warren/cmd/warren"

// letters has tasks fail, and their dead letters grouped, replayed, mended and dropped by the warren
// command, on each kind of broker that was asked for. It returns errWrong where a letter is not as it
// should be.
func letters(ctx context.Context, o letterOptions, out, log io.Writer) error {
	return withProgram(ctx, warrenPackage, log, func(program string) error {
		return o.onEach(ctx, log, func(b *brokertest.Broker) error { return lettersOn(ctx, b, o, program, out, log) })
	})
}

// lettersOn is a run on one broker. The ledger and the logs are kept where something is wrong.
func lettersOn(ctx context.Context, b *brokertest.Broker, o letterOptions, program string, out, log io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "warren-letters-")
	if err != nil {
		return err
	}
	defer func() { err = tidyUp(ctx, folder, "ledger", err, log) }()
	m := &mailroom{options: o, plan: newLetterPlan(o.letterSettings), broker: b, program: program, folder: folder, log: log}
	began := time.Now()
	err = m.open(ctx)
	if err == nil {
		err = m.run(ctx)
	}
	if err = errors.Join(err, m.close()); err != nil {
		return err
	}
	m.took = time.Since(began)
	v := checkLetters(m.plan, &m.evidence)
	if err := m.write(out, v); err != nil {
		return err
	}
	if !v.holds() {
		return errWrong
	}
	return nil
}

// mailroom is where letters are dealt with: a broker, a worker, the warren command, and what is known.
type mailroom struct {
	options letterOptions
	plan    *letterPlan
	broker  *brokertest.Broker
	program string // warren
	folder  string
	log     io.Writer

	rig
	done  map[string]bool // tasks that have succeeded
	ended int             // runs of the ledger, from its begin, that have all ended

	evidence       letterEvidence
	table          string // of the groups
	acts           []act
	enqueued, died time.Duration
	took           time.Duration
}

func (m *mailroom) config() string { return filepath.Join(m.folder, "warren.yaml") }
func (m *mailroom) mended() string { return filepath.Join(m.folder, "mended") }

// open declares the topology and starts a worker.
func (m *mailroom) open(ctx context.Context) (err error) {
	text := fmt.Sprintf("broker:\n  urls: [%s]\n", m.broker.URL)
	if m.broker.Management != "" {
		text += fmt.Sprintf("  management: %s\n", m.broker.Management)
	}
	text += fmt.Sprintf("queues:\n  %s: {routes: [\"%s\"]}\n", lettersQueue, strings.Join(lettersRoutes, `", "`))
	if err := os.WriteFile(m.config(), []byte(text), 0o600); err != nil {
		return err
	}
	cfg, err := config.LoadEnv(m.config(), func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	if m.clientLog, err = os.Create(filepath.Join(m.folder, "publisher.log")); err != nil {
		return err
	}
	if m.client, err = connect(ctx, []string{m.broker.URL}, m.broker.Management, cfg.Spec(), m.clientLog); err != nil {
		return err
	}
	path := filepath.Join(m.folder, "ledger")
	if m.ledger, err = openLedger(path); err != nil {
		return err
	}
	m.done = map[string]bool{}
	m.crew, err = startCrew(roleLetters, []station{{url: m.broker.URL, ledger: path, mended: m.mended()}}, m.folder)
	return err
}

// run has all tasks fail, does with their letters what there is to do, and gathers the evidence.
func (m *mailroom) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		m.fail, m.group, m.replayAndKill, m.replayTheRest, m.mendOne, m.drop, m.gather,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// browse returns the letters in the dead-letter queue, in their order.
func (m *mailroom) browse(ctx context.Context) ([]kept, error) {
	return browseAll(ctx, m.client, routing.DeadQueue(lettersQueue))
}

// gather stops the worker and completes the evidence.
func (m *mailroom) gather(ctx context.Context) (err error) {
	e := &m.evidence
	if _, err := m.awaitStill(ctx, func(int) bool { return len(m.done) > m.plan.count(&refused) }); err != nil {
		return err
	}
	if err := m.crew.stop(ctx); err != nil {
		return err
	}
	if err := m.ledger.read(); err != nil {
		return err
	}
	if e.left, err = m.browse(ctx); err != nil {
		return err
	}
	unrouted := m.client.Names().Unrouted()
	depths, err := m.client.Depths(ctx, lettersQueue, unrouted)
	if err != nil {
		return err
	}
	e.runs, e.depths = m.ledger.runs, map[string]int{lettersQueue: depths[lettersQueue].Ready, unrouted: depths[unrouted].Ready}
	_, e.byself, e.badEnds = m.crew.told()
	return nil
}
