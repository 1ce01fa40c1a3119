package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEffectsCommandLine(t *testing.T) {
	for name, one := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":         {[]string{"effects", "-h"}, 0, "-seed"},
		"bad flag":     {[]string{"effects", "-sede", "1"}, exitUsage, "-sede"},
		"bad number":   {[]string{"effects", "-tasks", "-1"}, exitUsage, "-tasks: -1 is below 1"},
		"bad broker":   {[]string{"effects", "-broker", "kafka"}, exitUsage, "none of node, container, each"},
		"one too many": {[]string{"effects", "now"}, exitUsage, `"now" is one argument too many`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			assert.Equal(t, one.code, command(context.Background(), one.args, &out, &log))
			assert.Contains(t, log.String(), one.says)
		})
	}
	o, err := parseEffects([]string{"-short", "-seed", "7", "-tasks", "50", "-broker", "node"}, t.Output())
	require.NoError(t, err)
	assert.Len(t, o.brokers, 1)
	again, err := parseEffects(append([]string{"-broker", "node"}, strings.Fields(o.command())[7:]...), t.Output())
	require.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")
	full, err := parseEffects(nil, t.Output())
	require.NoError(t, err)
	assert.Equal(t, 10_000, full.tasks)
	assert.NotZero(t, full.seed)
}

func TestEffectsTasks(t *testing.T) {
	all := effectsTasks(shortEffects, rand.New(rand.NewPCG(1, 2)))
	require.Len(t, all, shortEffects.tasks)
	ids := map[string]bool{}
	for _, one := range all {
		ids[one.id] = true
	}
	assert.Len(t, ids, len(all))
	assert.Equal(t, all, effectsTasks(shortEffects, rand.New(rand.NewPCG(1, 2))))
	drawn := map[effectsFault]bool{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		drawn[drawFault(random)] = true
	}
	assert.Len(t, drawn, int(effectsFaults))
}

func TestBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book")
	for _, process := range []string{"one", "two"} {
		b, err := openBook(path, process)
		require.NoError(t, err)
		require.NoError(t, b.enter(entryDelivered, "a"))
		require.NoError(t, b.enter(entryRun, "a"))
		require.NoError(t, b.enter(entryDelivered, process))
		require.NoError(t, b.close())
	}
	all, byTask, err := readBook(path)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{entryDelivered: 4, entryRun: 2}, all)
	assert.Equal(t, map[string]int{entryDelivered: 2, entryRun: 2}, byTask["a"])
	b, err := openBook(path, "bad name")
	require.NoError(t, err)
	require.NoError(t, b.enter(entryRun, "a"))
	require.NoError(t, b.close())
	_, _, err = readBook(path)
	require.ErrorContains(t, err, "bad name run a")
}

// One effect each holds; whatever else there is does not.
func TestSum(t *testing.T) {
	entries := map[string]int{entryDelivered: 4, entryRun: 3, entryDone: 1, entryCommitted: 2, entryFenced: 1}
	byTask := map[string]map[string]int{"a": {entryRun: 2}, "b": {entryRun: 1}}
	for name, tt := range map[string]struct {
		rows    map[string]int
		dead    int
		entries map[string]int
		finding string // empty: it holds
	}{
		"one each":      {rows: map[string]int{"a": 1, "b": 1}},
		"none":          {rows: map[string]int{"a": 1}, finding: "b has no effect"},
		"two":           {rows: map[string]int{"a": 2, "b": 1}, finding: "a has 2 effects"},
		"nobody's":      {rows: map[string]int{"a": 1, "b": 1, "c": 1}, finding: "c has 1 effects and was never published"},
		"dead":          {rows: map[string]int{"a": 1, "b": 1}, dead: 1, finding: "1 dead letters"},
		"no duplicates": {rows: map[string]int{"a": 1, "b": 1}, entries: map[string]int{entryDelivered: 2, entryRun: 2}, finding: "0 duplicates forced"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.entries == nil {
				tt.entries = entries
			}
			s := reckon([]string{"b", "a"}, tt.entries, byTask, tt.rows)
			s.dead = tt.dead
			var out bytes.Buffer
			s.write(&out)
			assert.Equal(t, tt.finding == "", s.holds())
			assert.Equal(t, 1, s.again)
			if tt.finding == "" {
				assert.Contains(t, out.String(), "verdict: holds: 2 tasks, 2 effects, one each")
				return
			}
			assert.Contains(t, out.String(), "DOES NOT HOLD")
			assert.Contains(t, out.String(), tt.finding)
		})
	}
}
