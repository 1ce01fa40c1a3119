//go:build integration

package idempotency_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/internal/pgtest"
	"github.com/warrenmq/warren/tasks"
)

// bench is a store in a database of the test's own, which has a table of effects.
type bench struct {
	*idempotency.Postgres
	url string
	db  *sql.DB
}

func newBench(t *testing.T) bench {
	t.Helper()
	url, db := pgtest.NewDatabase(t)
	store, err := idempotency.NewPostgres(db, "")
	require.NoError(t, err)
	require.NoError(t, store.CreateTable(t.Context()))
	b := bench{store, url, db}
	b.execute(t, "CREATE TABLE effects (task text NOT NULL)")
	return b
}

func (b bench) execute(t require.TestingT, statement string, args ...any) {
	_, err := b.db.ExecContext(context.Background(), statement, args...)
	require.NoError(t, err)
}

// lapse makes all claims run out.
func (b bench) lapse(t require.TestingT) {
	b.execute(t, "UPDATE warren_idempotency SET expires_at = now() - interval '1 second' WHERE done_at IS NULL")
}

func (b bench) count(t *testing.T, query string) (n int) {
	t.Helper()
	require.NoError(t, b.db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// effect inserts a row for a task.
func effect(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO effects VALUES ($1)", id)
	return err
}

// effective is a handler with one effect, within its transaction.
func (b bench) effective(ctx context.Context, t *tasks.Task) error {
	return b.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return effect(ctx, tx, t.ID) })
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	t.Run("model", func(t *testing.T) {
		checkModel(t, lapsing{b.Postgres, func(tb rapid.TB) { b.lapse(tb) }})
	})
	t.Run("keys", func(t *testing.T) { t.Parallel(); checkKeys(t, b.Postgres) })
	t.Run("race", func(t *testing.T) { t.Parallel(); checkRace(t, b.Postgres) })
}

func TestInTx(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var log bytes.Buffer
	require.ErrorIs(t, b.effective(t.Context(), task()), idempotency.ErrNoClaim)
	other := guarded(idempotency.NewMemory(0, nil), &log, b.effective)
	require.ErrorIs(t, other.HandleTask(t.Context(), task()), idempotency.ErrNoClaim)

	h := guarded(b.Postgres, &log, func(ctx context.Context, tk *tasks.Task) error {
		err := b.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			require.NoError(t, effect(ctx, tx, tk.ID))
			return errBoom
		})
		require.ErrorIs(t, err, errBoom)
		assert.Panics(t, func() {
			_ = b.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				require.NoError(t, effect(ctx, tx, tk.ID))
				panic("boom")
			})
		})
		require.NoError(t, b.effective(ctx, tk), "a transaction that was rolled back is none")
		require.ErrorIs(t, b.effective(ctx, tk), idempotency.ErrCompleted)
		return errBoom
	})
	require.ErrorIs(t, h.HandleTask(t.Context(), task()), errBoom)
	require.NoError(t, h.HandleTask(t.Context(), task()), "done, whatever the handler said after it")
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM effects"))
}

// A handler's own transaction: what it commits is done, what it rolls back is not.
func TestCompleteTx(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	h := guarded(b.Postgres, new(bytes.Buffer), func(ctx context.Context, tk *tasks.Task) error {
		tx, err := b.db.BeginTx(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, effect(ctx, tx, tk.ID))
		require.NoError(t, b.CompleteTx(ctx, tx))
		if tk.Attempt == 1 {
			require.NoError(t, tx.Rollback())
			return errBoom
		}
		return tx.Commit()
	})
	first := task()
	first.Attempt = 1
	require.ErrorIs(t, h.HandleTask(t.Context(), first), errBoom)
	require.NoError(t, h.HandleTask(t.Context(), task()))
	require.NoError(t, h.HandleTask(t.Context(), task()))
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM effects"))
}

// A's lease lapses while its transaction is open; B takes over and commits; A must not.
func TestTakenOverWhileTheTransactionIsOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bRan := false
	a := guarded(b.Postgres, new(bytes.Buffer), func(ctx context.Context, tk *tasks.Task) error {
		return b.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			require.NoError(t, effect(ctx, tx, "A"))
			b.lapse(t)
			other := guarded(b.Postgres, new(bytes.Buffer), func(ctx context.Context, _ *tasks.Task) error {
				bRan = true
				return b.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return effect(ctx, tx, "B") })
			})
			return other.HandleTask(t.Context(), tk)
		})
	})
	err := a.HandleTask(t.Context(), task())
	assert.True(t, bRan)
	require.ErrorIs(t, err, idempotency.ErrClaimLost)
	var snooze *tasks.SnoozeError
	require.ErrorAs(t, err, &snooze, "no attempt is spent")
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM effects WHERE task = 'B'"))
	assert.Zero(t, b.count(t, "SELECT count(*) FROM effects WHERE task = 'A'"))
}

// A has written its completion and not committed; B wants to claim, and waits for what becomes of it.
func TestClaimWaitsForACompletion(t *testing.T) {
	t.Parallel()
	for name, commits := range map[string]bool{"commits": true, "rolls back": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			claims := make(chan idempotency.Claim, 1)
			h := guarded(b.Postgres, new(bytes.Buffer), func(ctx context.Context, tk *tasks.Task) error {
				b.lapse(t)
				tx, err := b.db.BeginTx(ctx, nil)
				require.NoError(t, err)
				require.NoError(t, b.CompleteTx(ctx, tx))
				go func() {
					claim, err := b.Claim(context.WithoutCancel(ctx), idempotency.Key(tk), tasks.NewID(), lease)
					assert.NoError(t, err)
					claims <- claim
				}()
				require.Eventually(t, func() bool {
					return b.count(t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
				}, 10*time.Second, 5*time.Millisecond)
				if commits {
					return tx.Commit()
				}
				return tx.Rollback()
			})
			err := h.HandleTask(t.Context(), task())
			if commits {
				require.NoError(t, err)
				assert.Equal(t, idempotency.Done, (<-claims).State)
				return
			}
			// Who returns nil without a commit says that the work is done; it is B's by now, or ours.
			if claim := <-claims; claim.State == idempotency.Claimed {
				require.ErrorIs(t, err, idempotency.ErrClaimLost)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// The connection is cut between the commit and its answer: the handler cannot know, and its retry
// finds the work done.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	proxy := brokertest.NewProxy(t, b.url)
	db, err := pgtest.Open(proxy.URL())
	require.NoError(t, err)
	defer db.Close()
	store, err := idempotency.NewPostgres(db, "")
	require.NoError(t, err)
	runs := 0
	h := guarded(store, new(bytes.Buffer), func(ctx context.Context, tk *tasks.Task) error {
		runs++
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, effect(ctx, tx, tk.ID))
		require.NoError(t, store.CompleteTx(ctx, tx))
		proxy.DropDownstream(true)
		committed := make(chan error, 1)
		go func() { committed <- tx.Commit() }()
		assert.Eventually(t, func() bool { return b.count(t, "SELECT count(*) FROM effects") == 1 }, 10*time.Second, time.Millisecond)
		proxy.DropDownstream(false)
		proxy.Cut()
		err = <-committed
		require.Error(t, err)
		return err
	})
	require.Error(t, h.HandleTask(t.Context(), task()))
	require.NoError(t, h.HandleTask(t.Context(), task()))
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM effects"))
	assert.Equal(t, 1, runs)
}

// Many workers that all believe to hold the same claims have one effect each.
func TestOneEffectWhateverLapses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const works, workers = 20, 6
	done := make(chan struct{})
	var lapser sync.WaitGroup
	lapser.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				b.lapse(t)
			}
		}
	})
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range works {
				tk := &tasks.Task{ID: fmt.Sprint(i), Queue: "race"}
				h := guarded(b.Postgres, new(bytes.Buffer), b.effective)
				var snooze *tasks.SnoozeError
				for err := h.HandleTask(t.Context(), tk); err != nil; err = h.HandleTask(t.Context(), tk) {
					if !assert.ErrorAs(t, err, &snooze) {
						return
					}
				}
			}
		})
	}
	all.Wait()
	close(done)
	lapser.Wait()
	assert.Equal(t, works, b.count(t, "SELECT count(*) FROM effects"))
	assert.Equal(t, works, b.count(t, "SELECT count(DISTINCT task) FROM effects"))
}

func TestPurge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.execute(t, `INSERT INTO warren_idempotency SELECT 'old/' || n, gen_random_uuid(), now() - interval '9 days', now() - interval '9 days', now() - interval '8 days'
FROM generate_series(1, 2500) n`)
	b.execute(t, `INSERT INTO warren_idempotency VALUES
('new', gen_random_uuid(), now() - interval '9 days', now() - interval '9 days', now() - interval '1 day'),
('running', gen_random_uuid(), now() - interval '9 days', now() + interval '1 minute', NULL),
('abandoned', gen_random_uuid(), now() - interval '9 days', now() - interval '8 days', NULL)`)
	n, err := b.Purge(t.Context(), 7*24*time.Hour)
	require.NoError(t, err)
	assert.EqualValues(t, 2501, n)
	assert.Equal(t, 2, b.count(t, "SELECT count(*) FROM warren_idempotency WHERE key IN ('new', 'running')"))
	assert.Equal(t, 2, b.count(t, "SELECT count(*) FROM warren_idempotency"))
	n, err = b.Purge(t.Context(), 7*24*time.Hour)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestSchema(t *testing.T) {
	t.Parallel()
	_, db := pgtest.NewDatabase(t)
	_, err := db.ExecContext(t.Context(), "CREATE SCHEMA jobs")
	require.NoError(t, err)
	store, err := idempotency.NewPostgres(db, "jobs.done")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { assert.NoError(t, store.CreateTable(t.Context())) })
	}
	all.Wait()
	checkRace(t, store)
	text, err := idempotency.Schema("jobs.done")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), text)
	require.NoError(t, err, "all of it at once, as a migration does")

	missing, err := idempotency.NewPostgres(db, "missing")
	require.NoError(t, err)
	_, err = missing.Claim(t.Context(), "k", tasks.NewID(), lease)
	require.ErrorContains(t, err, "missing")
	for _, name := range []string{"Upper", "a-b", "a.b.c", "a; DROP TABLE b", `"quoted"`, "1st", string(bytes.Repeat([]byte("t"), 51))} {
		_, err := idempotency.NewPostgres(db, name)
		require.ErrorIs(t, err, idempotency.ErrInvalidTable, name)
		_, err = idempotency.Schema(name)
		require.ErrorIs(t, err, idempotency.ErrInvalidTable, name)
	}
}
