package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// Whatever the seed, the short form strikes with everything there is, nobody is struck who is spared, and each
// round ends in calm.
func TestFaultsOfAnySeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := short
		s.tasks = 800 // the same length with fewer tasks
		s.rate = 10
		s.seed = rapid.Uint64().Draw(t, "seed")
		p := newPlan(s)
		assert.True(t, slices.IsSortedFunc(p.faults, func(a, b strike) int { return int(a.at - b.at) }))
		count := map[faultKind]int{}
		for _, one := range p.faults {
			count[one.kind]++
			assert.Less(t, one.at%roundTime, strikesEnd)
			switch one.kind {
			case killWorker, killSlowly, pauseWorker, freezeWorker:
				assert.Equal(t, aWorker, one.who.role)
				assert.Less(t, one.who.place, mortals, "the others are spared")
			case slayLeader, freezeLeader:
				assert.Equal(t, aScheduler, one.who.role)
			case stopBroker, crashBroker, memoryAlarm, diskAlarm:
				assert.Equal(t, theBroker, one.who.role)
			default:
				assert.NotEqual(t, theBroker, one.who.role)
			}
			if one.kind == freezeWorker {
				assert.Greater(t, one.lasts, 2*heartbeat, "RabbitMQ needs up to two to notice")
			}
			if one.kind == pauseWorker {
				assert.Less(t, one.lasts, heartbeat)
			}
		}
		for k := range faultKinds {
			assert.NotZero(t, count[k], k)
		}
	})
}

func TestPlansOfOneSeed(t *testing.T) {
	s := short
	s.seed = 3
	one, again := newPlan(s), newPlan(s)
	assert.Equal(t, one.faults, again.faults)
	s.seed = 4
	assert.NotEqual(t, one.faults, newPlan(s).faults)
}

func TestActors(t *testing.T) {
	assert.Equal(t, "worker-2", actor{aWorker, 1}.String())
	assert.Equal(t, "scheduler-1", actor{role: aScheduler}.String())
	assert.Equal(t, "publisher", actor{role: thePublisher}.String())
	assert.Equal(t, "broker", actor{}.String())
	assert.Equal(t, "worker-2", actorOf("worker-2.14"))
	assert.Equal(t, "nobody", actorOf("nobody"))
}
