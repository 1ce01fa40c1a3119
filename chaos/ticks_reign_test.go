package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReigns(t *testing.T) {
	events := []event{
		leads("a", 1, 1), emitted("a", 2), // killed at 10
		leads("b", 12, 2), emitted("b", 12.5), leadsNoMore("b", 20, 2), // lost
		leads("c", 21, 3), leadsNoMore("c", 30.1, 3), // asked at 30
		leads("d", 30.2, 4),                        // asked at 40, and does not tell
		leads("b", 42, 5), leadsNoMore("b", 61, 5), // asked when the run is over
		leads("e", 61, 6),
	}
	deaths := []death{
		{process: "a", at: at(10), gone: at(10.1)},
		{process: "c", at: at(30), asked: true, gone: at(31)},
		{process: "d", at: at(40), asked: true, gone: at(41)},
	}
	got := reignsOf(events, deaths, at(60))
	assert.Equal(t, []reign{
		{process: "a", term: 1, from: at(1), to: at(10), end: reignKilled},
		{process: "b", term: 2, from: at(12), to: at(20), end: reignLapsed, reason: "lost"},
		{process: "c", term: 3, from: at(21), to: at(30.1), end: reignStopped, reason: "lost"},
		{process: "d", term: 4, from: at(30.2), to: at(41), end: reignStopped},
		{process: "b", term: 5, from: at(42), to: at(61), reason: "lost"},
		{process: "e", term: 6, from: at(61), to: at(61)},
	}, got)
	assert.Empty(t, overlaps(got))

	gaps := gapsOf(got, events, deaths, []span{{at(15), at(20.5)}})
	require.Len(t, gaps, 4)
	assert.Equal(t, gap{end: reignKilled, process: "a", from: at(10), leading: 2 * time.Second, tick: 2500 * time.Millisecond}, gaps[0])
	assert.Equal(t, gap{end: reignLapsed, process: "b", from: at(20), leading: time.Second, tick: -1, excused: true, reason: "lost"}, gaps[1])
	assert.Equal(t, at(30), gaps[2].from, "since it was asked")
	assert.Equal(t, 200*time.Millisecond, gaps[2].leading.Round(time.Millisecond))
	assert.Equal(t, 2*time.Second, gaps[3].leading)
}

func TestOverlaps(t *testing.T) {
	one := reign{process: "a", from: at(1), to: at(10)}
	assert.Empty(t, overlaps([]reign{one, {process: "b", from: at(10), to: at(12)}}))
	assert.Len(t, overlaps([]reign{one, {process: "b", from: at(9.999), to: at(12)}}), 1)
	assert.Len(t, overlaps([]reign{one, {process: "b", from: at(2), to: at(3)}, {process: "c", from: at(5), to: at(20)}}), 2)
	still := reignsOf([]event{leads("a", 1, 1), leads("b", 5, 2)}, nil, at(60))
	assert.Len(t, overlaps(still), 1, "nothing was said of the end of the first")
}

func TestNobodyFollows(t *testing.T) {
	events := []event{leads("a", 1, 1)}
	deaths := []death{{process: "a", at: at(5)}}
	gaps := gapsOf(reignsOf(events, deaths, at(60)), events, deaths, []span{{at(20), at(21)}})
	require.Len(t, gaps, 1)
	assert.Negative(t, gaps[0].leading)
	assert.True(t, gaps[0].excused)
}

func TestQuantile(t *testing.T) {
	assert.Zero(t, quantile([]int(nil), 0.5))
	assert.Equal(t, 2, quantile([]int{3, 1, 2}, 0.5))
	assert.Equal(t, 3, quantile([]int{3, 1, 2}, 1))
	assert.Equal(t, 1, quantile([]int{1}, 0.99))
}
