//go:build integration

package promtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/guarded"
)

// startEmpty starts a server that scrapes nothing.
func startEmpty(t *testing.T, config string) (*Server, error) {
	programs, err := Find(t.Context(), Options{Out: os.Stderr})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	return programs.Start(t.Context(), path)
}

func TestServer(t *testing.T) {
	t.Parallel()
	s, err := startEmpty(t, "global: {scrape_interval: 1s}\n")
	require.NoError(t, err)
	found, err := s.Query(t.Context(), "vector(7)", time.Now())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.InDelta(t, 7, found[0].Samples[0].Value, 0)
	_, err = s.Query(t.Context(), "sum(", time.Now())
	require.ErrorIs(t, err, ErrQuery)
	alerts, err := s.Alerts(t.Context())
	require.NoError(t, err)
	assert.Empty(t, alerts)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.NoDirExists(t, s.private.Folder())
}

func TestServerConfigurationIsWrong(t *testing.T) {
	t.Parallel()
	_, err := startEmpty(t, "global: {scrape_intervall: 1s}\n")
	require.ErrorIs(t, err, guarded.ErrEnded)
	require.ErrorContains(t, err, "scrape_intervall")
}

// A server whose owner is gone ends, and its folder is removed.
func TestGuard(t *testing.T) {
	t.Parallel()
	s, err := startEmpty(t, "")
	require.NoError(t, err)
	require.NoError(t, s.private.Abandon())
	assert.NoDirExists(t, s.private.Folder())
	require.NoError(t, s.Close())
}
