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

	"github.com/warrenmq/warren/internal/brokertest"
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
	brokertest.Exit(code)
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
	address, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DropDatabase(context.Background(), address); err != nil {
			t.Error(err)
		}
	})
	db, err = Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return address, db
}

// CreateDatabase makes a database of a name that no other has and returns its address. On a server
// that was named it stays; a private one takes it along.
func (s *Server) CreateDatabase(ctx context.Context) (address string, err error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", errors.New("pgtest: the server's address is no URL")
	}
	name := "warren_" + strings.ToLower(rand.Text()[:16])
	if err := s.execute(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// DropDatabase removes a database that CreateDatabase has made, and ends its connections.
func (s *Server) DropDatabase(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("pgtest: the database's address is no URL")
	}
	return s.execute(ctx, "DROP DATABASE "+strings.TrimPrefix(u.Path, "/")+" WITH (FORCE)")
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
