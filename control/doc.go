// Package control is what operators tell all workers: that a task is revoked, a queue paused or resumed.
// It owns the records of the control stream, the state that they add up to, and how that state outlives
// the stream's retention. It does not know how a worker obeys, nor how a stream is read.
package control
