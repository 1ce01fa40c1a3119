package idempotency

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Postgres is a [Store] in one table of a PostgreSQL (9.5 or later), over database/sql and whichever
// driver for it the program has chosen. All leases are counted by the database's clock.
//
// Every method is one statement, or one after the other, each in a transaction of its own, and READ
// COMMITTED is enough: whoever changes a row locks it first and then judges its newest version.
//
//   - Two claims of a new key: one inserts; the other waits for it at the unique key, and then judges
//     the row that it finds there.
//   - A claim of a row that is being completed waits for the completion's transaction. Did it commit,
//     then READ COMMITTED has the claim look at the row anew: it is done, and nothing is changed. Did
//     it not, then the claim is decided by the lease as before.
//   - A completion of a row that another has taken over finds another owner in it, and changes
//     nothing; where it waits for that other's transaction, it finds so when that has committed.
//
// A stricter isolation, where it is the database's default, answers the last two with a
// serialization error instead, which is a failure that is tried again.
type Postgres struct {
	db *sql.DB
	statements
}

// NewPostgres returns the store in a table, which [Schema] describes; an empty name is DefaultTable.
// It does not touch the database. A name that cannot be a table's is ErrInvalidTable.
func NewPostgres(db *sql.DB, table string) (*Postgres, error) {
	s, err := newStatements(table)
	if err != nil {
		return nil, err
	}
	return &Postgres{db: db, statements: s}, nil
}

// claimTries is how often a claim is tried where the row is there at one look and gone at the next:
// it was given back, or purged, in between.
const claimTries = 5

var errUnsteady = errors.New("the row comes and goes")

// Claim claims a work, see [Store]. Besides the database's errors there is ErrInvalidKey.
func (p *Postgres) Claim(ctx context.Context, key, owner string, lease time.Duration) (Claim, error) {
	if err := checkKey(key); err != nil {
		return Claim{}, err
	}
	for range claimTries {
		claimed, err := changed(p.db.ExecContext(ctx, p.claim, text(key), owner, lease.Seconds()))
		if err != nil {
			return Claim{}, fmt.Errorf("claim %q: %w", key, err)
		}
		if claimed {
			return Claim{State: Claimed}, nil
		}
		// It is a statement of its own, and not a part of the first: that would look at the table as
		// it was before the first had waited for a lock.
		var done bool
		var seconds float64
		err = p.db.QueryRowContext(ctx, p.look, text(key)).Scan(&done, &seconds)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return Claim{}, fmt.Errorf("claim %q: %w", key, err)
		case done:
			return Claim{State: Done}, nil
		}
		return Claim{State: Busy, Remaining: max(0, time.Duration(seconds*float64(time.Second)))}, nil
	}
	return Claim{}, fmt.Errorf("claim %q: %w", key, errUnsteady)
}

// Extend makes a lease last from now on, see [Store].
func (p *Postgres) Extend(ctx context.Context, key, owner string, lease time.Duration) error {
	return owned("extend", key)(changed(p.db.ExecContext(ctx, p.extend, text(key), owner, lease.Seconds())))
}

// Complete notes that a work is done, see [Store].
func (p *Postgres) Complete(ctx context.Context, key, owner string) error {
	return owned("complete", key)(changed(p.db.ExecContext(ctx, p.complete, text(key), owner)))
}

// Release gives a claim back, see [Store]. It waits for a transaction that is completing the work,
// also for one whose client has gone.
func (p *Postgres) Release(ctx context.Context, key, owner string) error {
	if _, err := p.db.ExecContext(ctx, p.release, text(key), owner); err != nil {
		return fmt.Errorf("release %q: %w", key, err)
	}
	return nil
}

// changed reports whether a statement has changed a row.
func changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}

// owned turns what a statement has changed into the error of a method.
func owned(verb, key string) func(bool, error) error {
	return func(is bool, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("%s %q: %w", verb, key, err)
		case !is:
			return fmt.Errorf("%s %q: %w", verb, key, ErrClaimLost)
		}
		return nil
	}
}

// text is a key as PostgreSQL can hold it in a column that people can read: the key itself, or
// where it is not UTF-8 or holds a zero byte, as the ID of a foreign message may, its bytes in hex.
// No two keys have one text.
func text(key string) string {
	const mark = `\x`
	if utf8.ValidString(key) && !strings.ContainsRune(key, 0) && !strings.HasPrefix(key, mark) {
		return key
	}
	return mark + hex.EncodeToString([]byte(key))
}
