package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestMeter(t *testing.T) {
	const goroutines, each = 8, 1000
	m := newMeter(goroutines * each)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				m.hit()
			}
		})
	}
	assert.NoError(t, m.await(t.Context()))
	all.Wait()
	assert.Positive(t, m.rate())
	m.hit() // one more, as after a redelivery, is no more than that
}

func TestMeterIsGivenUp(t *testing.T) {
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	m := newMeter(2)
	m.hit()
	err := m.await(ctx)
	assert.ErrorIs(t, err, over)
	assert.ErrorContains(t, err, "1 of 2")
}

func TestStopwatch(t *testing.T) {
	s := newStopwatch(2)
	s.from(0, time.Now().Add(-time.Second))
	s.from(1, time.Now().Add(time.Hour))
	s.stop("0")
	s.stop("stranger")
	s.stop("2")
	select {
	case <-s.meter.done:
		assert.Fail(t, "strangers count")
	default:
	}
	s.stop("1")
	assert.NoError(t, s.meter.await(t.Context()))
	times := s.times()
	assert.GreaterOrEqual(t, times[0], time.Second)
	assert.Negative(t, times[1], "early")
}

func TestShare(t *testing.T) {
	for _, count := range []int{0, 7, 100, 250} {
		sum := 0
		for i := range 100 {
			sum += share(count, i, 100)
		}
		assert.Equal(t, count, sum)
	}
}
