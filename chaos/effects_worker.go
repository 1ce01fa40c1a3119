package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/internal/pgtest"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

const (
	// effectsLease is short, so that the claims of the killed lapse within a run.
	effectsLease = 2 * time.Second
	// effectsConnections is how many connections to PostgreSQL a worker has: two for each task that
	// runs, one with its transaction and one with its claim.
	effectsConnections = 2 * worker.DefaultConcurrency
)

// effectsSchema is a table without any key that could keep an effect from being there twice.
const effectsSchema = "CREATE TABLE effects (task text NOT NULL, process text NOT NULL)"

// effectsRetries are many and soon: each failure is a cut connection.
var effectsRetries = tasks.RetryPolicy{MaxAttempts: tasks.MaxMaxAttempts, Initial: 50 * time.Millisecond, Max: time.Second}

// serveEffects is a worker process whose tasks insert a row each.
func serveEffects(ctx context.Context, at station, out io.Writer) (err error) {
	b, err := openBook(at.ledger, at.process)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	db, err := pgtest.Open(at.postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(effectsConnections)
	db.SetMaxIdleConns(effectsConnections)
	store, err := idempotency.NewPostgres(db, "")
	if err != nil {
		return err
	}
	e := &effector{book: b, inTx: store.InTx}
	mux := tasks.NewMux()
	mux.HandleFunc(keyHandled, e.handle)
	log := slog.New(slog.NewTextHandler(out, nil)).With("process", at.process)
	chain := []tasks.Middleware{e.watch, idempotency.Middleware(store, idempotency.Lease(effectsLease), idempotency.Log(log))}
	if at.unguarded {
		chain, e.inTx = chain[:1], func(ctx context.Context, fn func(context.Context, *sql.Tx) error) error { return inTx(ctx, db, fn) }
	}
	return at.work(ctx, worker.Queue{
		Name: queueName, Routes: []string{route}, Mux: mux, Retry: effectsRetries, Middleware: chain,
	}, out)
}

// inTx runs fn in a transaction that is nothing but one.
func inTx(ctx context.Context, db *sql.DB, fn func(context.Context, *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// effector is the handler, and a middleware that sees what becomes of each delivery.
type effector struct {
	book *book
	inTx func(ctx context.Context, fn func(context.Context, *sql.Tx) error) error
}

type ranKey struct{}

// watch stands outside of the idempotency middleware and writes down what that decides.
func (e *effector) watch(next tasks.Handler) tasks.Handler {
	return tasks.HandlerFunc(func(ctx context.Context, t *tasks.Task) error {
		if err := e.book.enter(entryDelivered, t.ID); err != nil {
			return err
		}
		ran := new(bool)
		err := next.HandleTask(context.WithValue(ctx, ranKey{}, ran), t)
		switch {
		case *ran:
			return err
		case err == nil:
			return e.book.enter(entryDone, t.ID)
		case errors.Is(err, idempotency.ErrUnavailable):
			return errors.Join(err, e.book.enter(entryUnavailable, t.ID))
		default:
			return errors.Join(err, e.book.enter(entryBusy, t.ID))
		}
	})
}

// handle has the task's effect, a row, and takes its time within the transaction.
func (e *effector) handle(ctx context.Context, t *tasks.Task) error {
	*ctx.Value(ranKey{}).(*bool) = true
	if err := e.book.enter(entryRun, t.ID); err != nil {
		return err
	}
	err := e.inTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO effects VALUES ($1, $2)", t.ID, e.book.process); err != nil {
			return err
		}
		_, err := play(ctx, t)
		return err
	})
	switch {
	case err == nil:
		return e.book.enter(entryCommitted, t.ID)
	case errors.Is(err, idempotency.ErrClaimLost) || errors.Is(context.Cause(ctx), idempotency.ErrClaimLost):
		return errors.Join(err, e.book.enter(entryFenced, t.ID))
	default:
		return errors.Join(err, e.book.enter(entryFailed, t.ID))
	}
}
