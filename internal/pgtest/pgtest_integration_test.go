//go:build integration

package pgtest

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func TestFind(t *testing.T) {
	t.Setenv(EnvURL, "")
	var out strings.Builder
	began := time.Now()
	s, err := Find(t.Context(), Options{Out: &out})
	require.NoError(t, err)
	t.Logf("had after %s", time.Since(began))
	assert.Equal(t, 1, strings.Count(out.String(), "pgtest:"), out.String())
	assert.Contains(t, out.String(), s.Version)
	assert.NotContains(t, out.String(), "@", "no credentials")
	folder := s.private.Folder()

	t.Setenv(EnvURL, s.URL)
	named, err := Find(t.Context(), Options{})
	require.NoError(t, err)
	assert.Equal(t, s.Version, named.Version)
	require.NoError(t, named.Close(), "it is not ours")
	require.NoError(t, s.execute(t.Context(), "SELECT 1"))

	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.NoDirExists(t, folder)
	_, err = Find(t.Context(), Options{})
	require.ErrorIs(t, err, ErrNoServer)
	require.ErrorContains(t, err, EnvURL)
}

// A server whose owner is gone ends, though it has clients.
func TestGuard(t *testing.T) {
	t.Setenv(EnvURL, "")
	s, err := Find(t.Context(), Options{Out: os.Stderr})
	require.NoError(t, err)
	assert.Positive(t, s.PID())
	db, err := Open(s.URL)
	require.NoError(t, err)
	require.NoError(t, db.PingContext(t.Context()))
	require.NoError(t, s.private.Abandon())
	assert.NoDirExists(t, s.private.Folder())
	require.NoError(t, db.Close())
	require.NoError(t, s.Close())
}

func TestDurable(t *testing.T) {
	t.Setenv(EnvURL, "")
	for durable, want := range map[bool]string{true: "on", false: "off"} {
		s, err := Find(t.Context(), Options{Out: os.Stderr, Durable: durable})
		require.NoError(t, err)
		db, err := Open(s.URL)
		require.NoError(t, err)
		var fsync string
		require.NoError(t, db.QueryRowContext(t.Context(), "SHOW fsync").Scan(&fsync))
		assert.Equal(t, want, fsync)
		require.NoError(t, db.Close())
		require.NoError(t, s.Close())
	}
}

func TestNewDatabase(t *testing.T) {
	address, db := NewDatabase(t)
	var name string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name))
	assert.True(t, strings.HasSuffix(address, "/"+name) || strings.Contains(address, "/"+name+"?"), name)
	_, other := NewDatabase(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := db.ExecContext(ctx, "CREATE TABLE here ()")
	require.NoError(t, err)
	_, err = other.ExecContext(ctx, "CREATE TABLE here ()")
	require.NoError(t, err, "databases are apart")
}
