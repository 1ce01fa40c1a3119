package idempotency

import (
	"context"
	"database/sql"
	"fmt"
)

// InTx runs fn in a transaction that also completes the work of the handler that calls it, so that
// what fn does in the database happens exactly once. ctx is the handler's, under a [Middleware] with
// this store; fn does all its work on tx, must neither commit nor roll back, and is to be given the
// context that it is called with.
//
//	err := store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
//		_, err := tx.ExecContext(ctx, "INSERT INTO invoices …")
//		return err
//	})
//
// The completion is the last statement: it locks the work's row, and changes it only if the claim is
// still this run's and the work is open. So of two workers that both run the task, whatever their
// clocks and leases say, one commits: the other finds another owner in the row, is rolled back, and
// gets [ErrClaimLost]. It stands last so that the claim can be extended, or taken over from a worker
// that is stuck, while fn runs.
//
// An error of fn rolls everything back and is returned as it is. An error of the commit leaves open
// whether it has happened; the handler should return it: the task is then run again, and is found
// done if it was. Other errors are the database's, [ErrNoClaim], and [ErrCompleted] where the run
// has completed its work before: one run has one such transaction. After a return of nil the work is
// done; a handler that then fails all the same is tried again, and its retry finds that. A panic of
// fn rolls back and passes.
//
// The transaction has the database's default isolation, for which READ COMMITTED is enough.
func (p *Postgres) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) (err error) {
	h, err := p.held(ctx)
	if err != nil {
		return err
	}
	if h.completed.Load() {
		return fmt.Errorf("%q: %w", h.key, ErrCompleted)
	}
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin the transaction of %q: %w", h.key, err)
	}
	open := true
	defer func() {
		if !open {
			return
		}
		// Of a context that has ended the transaction is rolled back already, and of a connection
		// that has ended by the server: what else is wrong here stands behind the first error.
		if failed := rollback(tx); failed != nil && err != nil {
			err = fmt.Errorf("%w (and the rollback: %w)", err, failed)
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := p.CompleteTx(ctx, tx); err != nil {
		return err
	}
	open = false
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit the transaction of %q: %w", h.key, err)
	}
	h.completed.Store(true)
	return nil
}

// Execer is what runs a statement: a *sql.Tx, or what other libraries put around one.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// CompleteTx is the completion of [Postgres.InTx] for a handler that has a transaction of its own: it
// writes in tx that the work of the handler is done. ctx is derived from the handler's. It should be
// the last statement before the commit, since nobody can extend the claim from then on; after an
// error the transaction must be rolled back, and the handler must not return nil. The errors are the
// database's, [ErrClaimLost] and [ErrNoClaim].
func (p *Postgres) CompleteTx(ctx context.Context, tx Execer) error {
	h, err := p.held(ctx)
	if err != nil {
		return err
	}
	return owned("complete", h.key)(changed(tx.ExecContext(ctx, p.completeOpen, text(h.key), h.owner)))
}

// held returns the claim that a handler's context was made with.
func (p *Postgres) held(ctx context.Context) (*hold, error) {
	if h, ok := ctx.Value(holdKey{}).(*hold); ok {
		if store, ok := h.store.(*Postgres); ok && store == p {
			return h, nil
		}
	}
	return nil, ErrNoClaim
}
