package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/tasks"
)

func TestPlan(t *testing.T) {
	atOnce, delayed := plan(kinds())
	assert.InDelta(t, 2000, len(atOnce)+len(delayed), 50)

	counts, ids := map[string]int{}, map[string]bool{}
	for _, p := range slices.Concat(atOnce, delayed) {
		counts[p.kind.name]++
		ids[p.task.ID] = true
		assert.True(t, 0 <= p.delay && p.delay < 5*time.Second, "%s", p.delay)
	}
	assert.Len(t, ids, len(atOnce)+len(delayed), "every task has an ID of its own")
	for _, k := range kinds() {
		assert.Equal(t, k.count, counts[k.name], k.name)
	}
	for _, p := range atOnce {
		assert.Zero(t, p.kind.delay, p.kind.name)
	}
	last := atOnce[len(atOnce)-counts[kindHigh]-counts[kindLow]:]
	for _, p := range last {
		require.NotZero(t, p.kind.priority, "those with priorities come at once")
	}
	assert.Equal(t, "report", atOnce[len(atOnce)-len(last)-1].kind.name, "to a queue that is busy")
}

// The configuration in this folder routes every key to the one queue that the demo means, and has
// handlers for it.
func TestConfigurationHasAPlaceForEveryKind(t *testing.T) {
	cfg, err := config.LoadEnv("warren.yaml", func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	for _, k := range kinds() {
		matches := cfg.Spec().Matches(k.key)
		if k.ends == parked {
			assert.Empty(t, matches, k.name)
			continue
		}
		require.Len(t, matches, 1, k.name)
	}
	for _, entry := range cfg.Schedules {
		assert.Len(t, cfg.Spec().Matches(entry.Key), 1, "the tick of %s", entry.Name)
	}
	for _, q := range cfg.Queues {
		assert.NotEmpty(t, q.Handlers, q.Name)
	}
}

// What the kinds say of how their tasks end is what the service does with their payloads.
func TestKindsEndAsTheServiceAnswers(t *testing.T) {
	for _, k := range kinds() {
		if k.key != "email.welcome" || k.through == foreign {
			continue
		}
		first, second := mail([]byte(k.payload(1)), 1).status, mail([]byte(k.payload(1)), 2).status
		switch {
		case k.ends == done:
			assert.Equal(t, 200, second, k.name)
		case k.reason == tasks.ReasonPermanent:
			assert.Equal(t, 422, first, k.name)
		default:
			assert.Equal(t, [2]int{500, 500}, [2]int{first, second}, k.name)
		}
	}
}
