//go:build integration

package deploy

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/promtest"
)

// Prometheus itself reads the configuration and the rules, and each alert begins and ends as it should.
func TestPromtool(t *testing.T) {
	programs, err := promtest.Find(t.Context(), promtest.Options{Out: os.Stderr})
	require.NoError(t, err)
	for _, args := range [][]string{
		{"check", "config", "prometheus.yml"},
		{"check", "rules", "warren.rules.yml"},
		{"test", "rules", "warren.rules.test.yml"},
	} {
		require.NoError(t, programs.Check(t.Context(), "prometheus", args...))
	}
}
