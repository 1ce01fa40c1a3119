package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNodeBlows(t *testing.T) {
	s := fullCluster
	s.seed = 7
	all := newNodeBlows(s)
	assert.Equal(t, all, newNodeBlows(s), "a pure function")
	assert.Len(t, all, len(nodeFaultNames))
	for i, b := range all {
		assert.Equal(t, nodeFaultNames[i], b.fault.flag())
		assert.Less(t, b.node, clusterNodes)
		if i > 0 {
			assert.NotEqual(t, all[i-1].node, b.node)
		}
	}
	s.only = []string{"restart"}
	assert.Equal(t, nodesRestarted, newNodeBlows(s)[0].fault)
}

func TestLoad(t *testing.T) {
	first, again := newLoad(7, 12), newLoad(7, 12)
	assert.Equal(t, first, again, "a pure function")
	ids, ways := map[string]bool{}, map[[2]int]bool{}
	fails, delayed := 0, 0
	for n := range 1000 {
		l := newLoad(7, n)
		ids[l.id], ways[[2]int{l.publisher, l.queue}] = true, true
		if l.script.Fails > 0 {
			fails++
		}
		if l.delay > 0 {
			delayed++
		}
	}
	assert.Len(t, ids, 1000)
	assert.Len(t, ways, loadPublishers*loadQueues, "each publisher sends to each queue")
	assert.InDelta(t, 100, fails, 50)
	assert.InDelta(t, 100, delayed, 50)
}
