package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLateness(t *testing.T) {
	l := lateness{troubled: []span{{at(5), at(8)}}}
	assert.Equal(t, time.Second, l.judge(at(1), at(2)))
	assert.Equal(t, 2*time.Second, l.judge(at(4), at(9)), "but for the trouble")
	assert.Zero(t, l.judge(at(6), at(7)))
	assert.Zero(t, l.judge(at(9), at(7)), "begun before it was sent again")
	assert.Equal(t, []time.Duration{time.Second}, l.calm)
}
