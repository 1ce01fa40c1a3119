package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDamage(t *testing.T) {
	frozen := damage{kind: freezeWorker, who: actor{aWorker, 0}, process: "worker-1.2", span: span{at(1), at(7)}}
	assert.True(t, frozen.loses())
	assert.True(t, frozen.struck("worker-1.2"))
	assert.False(t, frozen.struck("worker-1.3"), "its successor")
	frozen.to = at(2)
	assert.False(t, frozen.loses(), "the heartbeat allows that")

	linked := damage{kind: muteLink, who: actor{aWorker, 1}, span: span{at(1), at(2)}}
	assert.True(t, linked.loses())
	assert.True(t, linked.struck("worker-2.1"))
	assert.False(t, linked.struck("worker-1.1"))

	for _, kind := range []faultKind{memoryAlarm, diskAlarm, delayLink, narrowLink} {
		assert.False(t, damage{kind: kind}.loses(), kind)
	}
	assert.True(t, damage{kind: stopBroker}.struck("worker-1.1"), "everybody")
	assert.True(t, damage{kind: stopBroker}.struck("scheduler-1.1"))
}

func TestTrouble(t *testing.T) {
	trouble := troubled([]damage{
		{kind: cutLink, span: span{at(30), at(30)}},
		{kind: killWorker, span: span{at(1), at(1)}},
		{kind: blockLink, span: span{at(3), at(8)}},
	})
	assert.Equal(t, []span{{at(1), at(11)}, {at(30), at(33)}}, trouble)
	for _, one := range []struct{ from, to, want float64 }{
		{0, 0.5, 0}, {0, 2, 1}, {2, 3, 1}, {0, 40, 13}, {10, 31, 2}, {12, 29, 0}, {34, 40, 0},
	} {
		got := span{at(one.from), at(one.to)}.within(trouble)
		assert.Equal(t, time.Duration(one.want*float64(time.Second)), got, one)
	}
	assert.Empty(t, merged(nil))
}
