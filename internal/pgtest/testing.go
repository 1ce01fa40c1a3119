package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	findTimeout     = 6 * time.Minute // an installation included
	databaseTimeout = 30 * time.Second
)

// shared is the server of the whole test process, found at its first use.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Main runs a package's tests, closes the shared server, fails where goroutines are left over, and
// exits.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left over after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Shared returns the server of the test process. The test fails where none can be had; it is never
// skipped.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
		defer cancel()
		shared.server, shared.err = Find(ctx, Options{Out: os.Stderr})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// NewDatabase makes a database of the test's own on the shared server and returns its address and
// it, opened. It is closed and dropped when the test ends.
func NewDatabase(t testing.TB) (address string, db *sql.DB) {
	t.Helper()
	s := Shared(t)
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if err := s.execute(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.execute(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal("pgtest: the server's address is no URL")
	}
	u.Path = "/" + name
	db, err = Open(u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return u.String(), db
}

// execute runs one statement on the server's own database.
func (s *Server) execute(ctx context.Context, statement string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	db, err := Open(s.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("pgtest: %s: %w", statement, err)
	}
	return nil
}
