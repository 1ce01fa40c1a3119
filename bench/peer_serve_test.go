package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// instant is a system that runs a task in the moment in which it is published, or, without a worker, when there
// is one.
type instant struct {
	mu      sync.Mutex
	waiting int
	handle  func(id string)
	stopped int
	broken  error
}

func (s *instant) enqueue(_ context.Context, count int, due time.Time) error {
	for range count {
		if err := s.one(context.Background(), "", due); err != nil {
			return err
		}
	}
	return nil
}

func (s *instant) one(_ context.Context, id string, due time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken != nil:
		return s.broken
	case s.handle != nil && due.IsZero():
		s.handle(id)
	default:
		s.waiting++
	}
	return nil
}

func (s *instant) work(_ context.Context, handle func(id string)) (func() error, error) {
	s.handle = handle
	for ; s.waiting > 0; s.waiting-- {
		handle("")
	}
	return func() error {
		s.handle = nil
		s.stopped++
		return nil
	}, nil
}

func (s *instant) close() error { return nil }

func TestServe(t *testing.T) {
	s := &instant{}
	do := func(r request) answer {
		a, stop := serve(t.Context(), s, r)
		assert.NoError(t, stop())
		return a
	}
	const limit = 1 // ms
	assert.Equal(t, 20, do(request{Do: doEnqueue, Count: 20}).Count)
	assert.Equal(t, 20, s.waiting)
	a := do(request{Do: doDrain, Count: 20, LimitMS: limit})
	assert.Equal(t, 20, a.Count)
	assert.Equal(t, 1, s.stopped)
	assert.Equal(t, 30, do(request{Do: doBoth, Count: 30, LimitMS: limit}).Count)
	a = do(request{Do: doLatency, Count: 3, Rate: 1000, LimitMS: limit})
	assert.Len(t, a.Times, 3)
	a = do(request{Do: doDelays, Count: 3, Rate: 1000, DelayMS: 1000, LimitMS: limit})
	assert.Empty(t, a.Times, "none was started by the limit")
	assert.Equal(t, 3, s.waiting)
	a = do(request{Do: doDrain, Count: 5, LimitMS: limit})
	assert.Equal(t, 3, a.Count, "as many as there were")

	assert.Contains(t, do(request{Do: "sleep"}).Error, "sleep")
	s.broken = errors.New("no disk")
	assert.Equal(t, "no disk", do(request{Do: doEnqueue, Count: 1}).Error)
	assert.Equal(t, "no disk", do(request{Do: doBoth, Count: 1, LimitMS: limit}).Error)
	assert.Equal(t, 6, s.stopped, "a worker is stopped though what it was for failed")
}

func TestRequests(t *testing.T) {
	r, cancel := readRequests(t.Context(), strings.NewReader(`{"do":"drain","count":7,"limit_ms":1500}`+"\n"))
	defer cancel()
	assert.Equal(t, request{Do: doDrain, Count: 7, LimitMS: 1500}, <-r.all)
	_, open := <-r.all
	assert.False(t, open)
	assert.NoError(t, r.err)
	assert.Error(t, r.ctx.Err(), "who asked is gone")

	r, cancel = readRequests(t.Context(), strings.NewReader("drain\n"))
	defer cancel()
	_, open = <-r.all
	assert.False(t, open)
	assert.Error(t, r.err)
}

// A process that is an entrant: what it says of itself, and that it ends with its input.
func TestServePeer(t *testing.T) {
	assert.ErrorContains(t, servePeer(t.Context(), "kafka", nil, nil), "kafka")
	t.Setenv(envPayload, "many")
	assert.ErrorContains(t, servePeer(t.Context(), "asynq", nil, nil), envPayload)
	t.Setenv(envPayload, "256")
	t.Setenv(envURL, "amqp://127.0.0.1:1/")
	assert.Error(t, servePeer(t.Context(), "loop", strings.NewReader(""), io.Discard), "nobody listens there")
}

func TestAnswerIsOneLine(t *testing.T) {
	text, err := json.Marshal(answer{Count: 4, Seconds: 2})
	require.NoError(t, err)
	assert.JSONEq(t, `{"count":4,"seconds":2}`, string(text))
	assert.InDelta(t, 2, answer{Count: 4, Seconds: 2}.rate(), 0)
}
