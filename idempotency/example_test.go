package idempotency_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/tasks"
	"github.com/warrenmq/warren/worker"
)

// A task that is delivered twice is run once.
func ExampleMiddleware() {
	store := idempotency.NewMemory(0, nil) // of this process; NewPostgres for several
	send := tasks.HandlerFunc(func(_ context.Context, t *tasks.Task) error {
		fmt.Println("sent for", t.ID)
		return nil
	})
	h := tasks.Chain(send, idempotency.Middleware(store))
	for range 2 {
		fmt.Println(h.HandleTask(context.Background(), &tasks.Task{ID: "7", Queue: "email", Key: "email.welcome"}))
	}
	// Output:
	// sent for 7
	// <nil>
	// <nil>
}

// One report a customer and day, whichever tasks ask for it.
func ExampleKeyFunc() {
	key := idempotency.KeyFunc(func(t *tasks.Task) string { return "daily-report/" + t.CorrelationID })
	h := idempotency.Middleware(idempotency.NewMemory(0, nil), key)(tasks.HandlerFunc(func(_ context.Context, t *tasks.Task) error {
		fmt.Println("written for", t.CorrelationID)
		return nil
	}))
	for id, customer := range map[string]string{"1": "acme/2026-11-22", "2": "acme/2026-11-22"} {
		_ = h.HandleTask(context.Background(), &tasks.Task{ID: id, CorrelationID: customer})
	}
	// Output: written for acme/2026-11-22
}

// An invoice is booked exactly once: the row and the note that it is there are one transaction.
func ExamplePostgres_InTx() {
	var db *sql.DB // opened with whichever driver
	store, err := idempotency.NewPostgres(db, "")
	if err != nil {
		slog.Error("no store", "error", err)
		return
	}
	mux := tasks.NewMux()
	mux.HandleFunc("invoice.book", func(ctx context.Context, t *tasks.Task) error {
		return store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO invoices (body) VALUES ($1)", t.Payload)
			return err
		})
	})
	queue := worker.Queue{
		Name: "invoices", Routes: []string{"invoice.#"}, Mux: mux,
		Middleware: []tasks.Middleware{idempotency.Middleware(store, idempotency.Lease(time.Minute))},
	}
	fmt.Println(queue.Name)
	// Output: invoices
}

// The table as a migration has it.
func ExampleSchema() {
	text, err := idempotency.Schema("done_tasks")
	fmt.Print(text, err)
	// Output:
	// CREATE TABLE IF NOT EXISTS done_tasks (
	//   key        text COLLATE "C" PRIMARY KEY,
	//   owner      uuid NOT NULL,
	//   claimed_at timestamptz NOT NULL,
	//   expires_at timestamptz NOT NULL,
	//   done_at    timestamptz
	// ) WITH (fillfactor = 70);
	// CREATE INDEX IF NOT EXISTS done_tasks_claimed_at ON done_tasks (claimed_at);
	// <nil>
}
