package main

import "time"

// What the bench and the processes of its entrants say to each other, one JSON object a line: a process
// says what it is, and then answers each request. It takes the times itself, by one clock.

// hello is the first line of a process.
type hello struct {
	// Versions tell what it is made of.
	Versions string `json:"versions"`
}

// The things that a process is asked to do.
const (
	doEnqueue = "enqueue" // publish by the fastest way; from the first call to the last confirm
	doDrain   = "drain"   // run tasks that wait; from the start of the first to that of the last
	doBoth    = "both"    // publish and run; from the first call to the start of the last
	doLatency = "latency" // publish one at a time; from the call to the start
	doDelays  = "delays"  // the same, delayed; from the time that was asked for to the start
)

// request asks for one thing.
type request struct {
	Do    string `json:"do"`
	Count int    `json:"count"`
	// DelayMS delays each task of doEnqueue by so much; of doDelays, it is the most.
	DelayMS int64 `json:"delay_ms,omitempty"`
	// Rate is a second.
	Rate int `json:"rate,omitempty"`
	// LimitMS is when to stop waiting for tasks to be run.
	LimitMS int64 `json:"limit_ms,omitempty"`
}

func (r request) limit() time.Duration { return time.Duration(r.LimitMS) * time.Millisecond }

// answer is what came of a request.
type answer struct {
	// Count is how many tasks Seconds are for: all that were asked for, or those that were started by the limit.
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	// Times are those of doLatency and doDelays, in ns, of the tasks that were started.
	Times []int64 `json:"times_ns,omitempty"`
	// Error says why nothing came of it.
	Error string `json:"error,omitempty"`
}

func (a answer) rate() float64 { return float64(a.Count) / a.Seconds }

// The environment of a process.
const (
	envPayload = "BENCH_PAYLOAD" // bytes
	envVariant = "BENCH_VARIANT" // what kind of an entrant it is
)

// concurrency is how many tasks everybody runs at a time.
const concurrency = 10
