//go:build integration

package deploy

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/promtest"
)

// Prometheus takes each expression of the dashboard. What they show is seen by `make alerts`.
func TestPrometheusTakesTheDashboard(t *testing.T) {
	programs, err := promtest.Find(t.Context(), promtest.Options{Out: os.Stderr})
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(config, nil, 0o600))
	server, err := programs.Start(t.Context(), config)
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	all, err := Expressions(time.Minute)
	require.NoError(t, err)
	now := time.Now()
	for _, e := range all {
		_, err := server.QueryRange(t.Context(), e.Text, now.Add(-time.Minute), now, 15*time.Second)
		assert.NoError(t, err, e.Panel)
	}
}
