package idempotency

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DefaultTable is the table where nothing else is said.
const DefaultTable = "warren_idempotency"

// tableName is what needs no quoting in SQL, in the search path or in a schema; the index's name
// must stay within the 63 bytes of an identifier.
var tableName = regexp.MustCompile(`^([a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,49}$`)

// schema is the table. Its choices:
//
//   - COLLATE "C": keys are compared by their bytes, so a new version of the system's collations
//     cannot break the index.
//   - claimed_at is indexed, for Purge, and neither expires_at nor done_at: then extending and
//     completing touch no index, and with room left in the pages (fillfactor) a row's new version
//     stays beside the old one.
const schema = `CREATE TABLE IF NOT EXISTS {table} (
  key        text COLLATE "C" PRIMARY KEY,
  owner      uuid NOT NULL,
  claimed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  done_at    timestamptz
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS {name}_claimed_at ON {table} (claimed_at);
`

// statements are what is said to a table.
type statements struct {
	create, claim, look, extend, complete, completeOpen, release, purge string
}

// Schema returns the SQL that creates the table of a [Postgres] and its index where they are not
// there, for a program's migrations. An empty name is DefaultTable; with a dot it names a schema,
// which must exist. A name that is not made of lower-case letters, digits and underscores, or has
// more than 50 bytes, is ErrInvalidTable.
func Schema(table string) (string, error) {
	s, err := newStatements(table)
	return s.create, err
}

func newStatements(table string) (statements, error) {
	if table == "" {
		table = DefaultTable
	}
	if !tableName.MatchString(table) {
		return statements{}, fmt.Errorf("%w: %q: lower-case letters, digits and underscores, at most 50 of them, with a schema or without",
			ErrInvalidTable, table)
	}
	name := table[strings.IndexByte(table, '.')+1:]
	with := strings.NewReplacer("{table}", table, "{name}", name).Replace
	return statements{
		create: with(schema),
		// now() is when the statement's transaction began. Where it has waited for a lock since, the
		// claim is shorter than asked for, and what ran out meanwhile is not taken yet: both are safe.
		claim: with(`INSERT INTO {table} AS w (key, owner, claimed_at, expires_at)
VALUES ($1, $2, now(), now() + make_interval(secs => $3))
ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, claimed_at = excluded.claimed_at, expires_at = excluded.expires_at
WHERE w.done_at IS NULL AND (w.expires_at <= now() OR w.owner = excluded.owner)`),
		look:         with(`SELECT done_at IS NOT NULL, extract(epoch FROM expires_at - now())::float8 FROM {table} WHERE key = $1`),
		extend:       with(`UPDATE {table} SET expires_at = now() + make_interval(secs => $3) WHERE key = $1 AND owner = $2`),
		complete:     with(`UPDATE {table} SET done_at = coalesce(done_at, now()) WHERE key = $1 AND owner = $2`),
		completeOpen: with(`UPDATE {table} SET done_at = now() WHERE key = $1 AND owner = $2 AND done_at IS NULL`),
		release:      with(`DELETE FROM {table} WHERE key = $1 AND owner = $2 AND done_at IS NULL`),
		// A work cannot be done, nor its lease run out, before it was claimed: the index finds what
		// is old enough to be looked at. Rows that others have locked are left for the next time.
		purge: with(`DELETE FROM {table} WHERE key IN (
  SELECT key FROM {table}
  WHERE claimed_at < now() - make_interval(secs => $1)
    AND coalesce(done_at, expires_at) < now() - make_interval(secs => $1)
  ORDER BY claimed_at LIMIT $2 FOR UPDATE SKIP LOCKED)`),
	}, nil
}

// CreateTable creates the table and its index where they are not there, as [Schema] says. Any number
// of processes may do so at a time. It blocks until the others are through, or ctx ends.
func (p *Postgres) CreateTable(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("create the idempotency table: %w", err)
		}
	}()
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, rollback(tx))
		}
	}()
	// IF NOT EXISTS is a look before the leap: of two that leap at once one would fail.
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext($1))`, p.create); err != nil {
		return err
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(p.create), ";\n") {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// rollback ends a transaction that may have ended by itself.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// purgeBatch is how many works one statement of Purge forgets.
const purgeBatch = 1000

// Purge forgets the works that were done, or whose lease ran out with nobody to take them over, at
// least so long ago, and returns how many. It deletes a thousand at a time, each in a transaction
// of its own, until no more are left or ctx ends; any number of processes may purge at a time. What
// is forgotten would be run if it were delivered again, so olderThan is to be longer than any
// message can be on its way: the longest outage, the longest delay, the time a dead letter may lie
// before it is replayed. A week is a good choice; what is not above 0 forgets nothing.
func (p *Postgres) Purge(ctx context.Context, olderThan time.Duration) (forgotten int64, err error) {
	if olderThan <= 0 { // it would forget claims that are held
		return 0, nil
	}
	for {
		result, err := p.db.ExecContext(ctx, p.purge, olderThan.Seconds(), purgeBatch)
		if err != nil {
			return forgotten, fmt.Errorf("purge the idempotency table: %w", err)
		}
		rows, err := result.RowsAffected()
		forgotten += rows
		if err != nil || rows < purgeBatch {
			return forgotten, err
		}
	}
}
