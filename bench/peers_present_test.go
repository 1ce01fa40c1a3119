//go:build peers

package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everybody who is here does everything at a tiny size.
func TestPresentPeers(t *testing.T) {
	o := peersOptions{broker: "node", settings: peersSettings{
		Rounds: 1, PayloadBytes: 256, Tasks: 100, Limit: 10 * time.Second,
		LatencyTasks: 10, LatencyRate: 100, Delays: 10, DelayRate: 100, DelayUpTo: 100 * time.Millisecond,
		Sizes: []int{20}, GrowthTasks: 20, GrowthTimes: 1, FillLimit: 30 * time.Second,
	}}
	r, err := measurePeers(t.Context(), &o, t.Output())
	require.NoError(t, err)
	assert.NotEmpty(t, r.Entrants)
	for _, e := range r.Entrants {
		assert.NotEmpty(t, e.Versions, e.Name)
	}
	for _, c := range r.Contests {
		assert.Empty(t, c.Out, c.Contest)
		for _, one := range c.Rows {
			if one.Figure == "rate" {
				assert.Positive(t, one.Median, one.Entrant)
			}
		}
	}
	for _, g := range r.Growth {
		for _, l := range g.Lines {
			assert.Empty(t, l.GivenUp, l.Entrant)
			assert.Len(t, l.Points, len(g.Sizes), l.Entrant)
		}
	}
	var out bytes.Buffer
	require.NoError(t, r.writeText(&out))
	t.Log(out.String())
}
