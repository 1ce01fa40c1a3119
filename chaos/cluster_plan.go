package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// nodeFault is a way to take a node of a cluster away.
type nodeFault int

// The faults.
const (
	nodeKilled     nodeFault = iota // kill -9, and started again
	nodeCut                         // from the other nodes, while clients still reach it
	nodeIsolated                    // from the other nodes and from clients, whose connections go silent
	nodesRestarted                  // all of them, one after the other
)

// nodeFaultNames are the faults as the command line has them.
var nodeFaultNames = []string{"kill", "partition", "isolation", "restart"}

func (f nodeFault) flag() string { return nodeFaultNames[f] }

// String returns the fault as the report names it.
func (f nodeFault) String() string {
	return [...]string{"node killed (-9)", "node partitioned", "node isolated", "rolling restart"}[f]
}

// nodeBlow is one fault at one node.
type nodeBlow struct {
	fault nodeFault
	node  int // from 0; of a restart the first
}

// String names the blow and its node as an operator counts them.
func (b nodeBlow) String() string { return fmt.Sprintf("%s: %d", b.fault, b.node+1) }

// newNodeBlows makes the plan of a run: each fault at another node than the one before. It is a pure
// function of its settings.
func newNodeBlows(s clusterSettings) []nodeBlow {
	first := rand.New(rand.NewPCG(s.seed, 0)).IntN(clusterNodes)
	var all []nodeBlow
	for i, name := range s.only {
		all = append(all, nodeBlow{fault: nodeFault(slices.Index(nodeFaultNames, name)), node: (first + i) % clusterNodes})
	}
	return all
}

// load is a task of the steady load: which of the queues it goes to, which publisher sends it, and what its
// handler is to do.
type load struct {
	id        string
	number    int
	publisher int
	queue     int
	delay     time.Duration // 0: at once
	script    loadScript
}

// loadScript is the payload.
type loadScript struct {
	// WorkMicros is how long each run takes.
	WorkMicros int64 `json:"work_us"`
	// Fails is how many attempts fail before one succeeds.
	Fails int `json:"fails,omitempty"`
}

const (
	loadQueues     = 3
	loadPublishers = 3
	// loadDelay is the longest time that a task is delayed for.
	loadDelay = 2 * time.Second
)

// newLoad returns the n-th task of a run. It is a pure function of the seed and the number. One in ten fails
// once, so that workers publish too, and one in ten takes the delay ladder.
func newLoad(seed uint64, n int) load {
	random := rand.New(rand.NewPCG(seed, uint64(n)+1))
	l := load{
		id: fmt.Sprintf("%d-%06d", seed, n), number: n, publisher: n % loadPublishers, queue: n / loadPublishers % loadQueues,
		script: loadScript{WorkMicros: random.Int64N(5000)},
	}
	switch random.IntN(10) {
	case 0:
		l.script.Fails = 1
	case 1:
		l.delay = time.Duration(random.Int64N(int64(loadDelay)))
	}
	return l
}

func loadQueue(i int) string { return fmt.Sprintf("load-%d", i+1) }

func loadKey(i int) string { return fmt.Sprintf("load.%d.task", i+1) }

func loadRoute(i int) string { return fmt.Sprintf("load.%d.#", i+1) }
