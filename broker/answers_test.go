package broker

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wireLog is a channel that notes what is written to it, and the socket below, which may be corked.
type wireLog struct {
	mu      sync.Mutex
	frames  []string
	err     error
	corked  bool
	pieces  int   // writes of the socket
	lastErr error // of uncork
}

func (w *wireLog) cork() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = true
}

func (w *wireLog) uncork() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corked = false
	w.pieces++
	return w.lastErr
}

func (w *wireLog) note(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames = append(w.frames, fmt.Sprintf(format, args...))
	if !w.corked {
		w.pieces++
	}
	return w.err
}

func (w *wireLog) Ack(tag uint64, multiple bool) error {
	if multiple {
		return w.note("ack up to %d", tag)
	}
	return w.note("ack %d", tag)
}

func (w *wireLog) Nack(tag uint64, _, _ bool) error { return w.note("requeue %d", tag) }

func (w *wireLog) Reject(tag uint64, _ bool) error { return w.note("reject %d", tag) }

// written returns what was written since the last call.
func (w *wireLog) written() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	frames := w.frames
	w.frames = nil
	return frames
}

// answering runs a test with the answers to some deliveries, on a clock that stands still while
// anything can happen.
func answering(t *testing.T, window, deliveries int, test func(t *testing.T, a *answers, w *wireLog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wireLog{}
		a := newAnswers(w, w)
		a.setWindow(window)
		for tag := range uint64(deliveries) {
			require.NoError(t, a.deliver(tag+1))
		}
		stop := make(chan struct{})
		var flusher sync.WaitGroup
		flusher.Go(func() { a.flushInTime(stop) })
		defer flusher.Wait()
		defer close(stop)
		test(t, a, w)
	})
}

func TestAcksWaitForOthers(t *testing.T) {
	t.Parallel()
	answering(t, 1000, 500, func(t *testing.T, a *answers, w *wireLog) {
		require.NoError(t, a.ack(1))
		time.Sleep(ackDelay - time.Nanosecond)
		require.NoError(t, a.ack(2))
		require.NoError(t, a.ack(4))
		synctest.Wait()
		require.Empty(t, w.written())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, []string{"ack up to 2", "ack 4"}, w.written(), "within the delay of the first")
		time.Sleep(time.Hour)
		require.Empty(t, w.written())

		require.NoError(t, a.ack(3))
		time.Sleep(ackDelay)
		synctest.Wait()
		require.Equal(t, []string{"ack up to 3"}, w.written(), "the next batch has its own delay")
	})
}

func TestAcksAreWrittenAtOnce(t *testing.T) {
	t.Parallel()
	answering(t, 1000, 999, func(t *testing.T, a *answers, w *wireLog) {
		for tag := uint64(1); tag < 250; tag++ {
			require.NoError(t, a.ack(tag))
		}
		require.Empty(t, w.written())
		require.NoError(t, a.ack(250))
		require.Equal(t, []string{"ack up to 250"}, w.written(), "a quarter of the window")
		for tag := range uint64(251) {
			require.NoError(t, a.deliver(1000+tag))
		}
		for tag := uint64(251); tag < 251+15; tag++ {
			require.Empty(t, w.written())
			require.NoError(t, a.ack(tag))
		}
		require.Equal(t, []string{"ack up to 265"}, w.written(), "a full window waits for no quarter")
	})
}

func TestAcksAreHeldUntilTheWindowIsFull(t *testing.T) {
	t.Parallel()
	answering(t, 100, 99, func(t *testing.T, a *answers, w *wireLog) {
		require.NoError(t, a.ack(1))
		a.hold()
		for tag := uint64(2); tag < 80; tag++ {
			require.NoError(t, a.ack(tag))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Empty(t, w.written())
		require.False(t, a.full())
		require.NoError(t, a.deliver(100))
		require.True(t, a.full(), "finished ones count until they are written")
		a.setWindow(200)
		require.False(t, a.full())
		require.NoError(t, a.flush())
		require.Equal(t, []string{"ack up to 79"}, w.written())
		require.NoError(t, a.ack(80))
		time.Sleep(ackDelay)
		synctest.Wait()
		require.Equal(t, []string{"ack up to 80"}, w.written())
	})
}

func TestRequeueAndRejectGoOutAtOnce(t *testing.T) {
	t.Parallel()
	answering(t, 1000, 5, func(t *testing.T, a *answers, w *wireLog) {
		require.NoError(t, a.ack(1))
		require.NoError(t, a.ack(2))
		require.NoError(t, a.requeue(3))
		require.NoError(t, a.reject(4))
		require.Equal(t, []string{"requeue 3", "reject 4"}, w.written())
		time.Sleep(ackDelay)
		synctest.Wait()
		require.Equal(t, []string{"ack up to 2"}, w.written())
		for _, answer := range []func(uint64) error{a.ack, a.requeue, a.reject} {
			for tag := uint64(1); tag < 5; tag++ {
				require.ErrorIs(t, answer(tag), ErrAnswered)
			}
			require.ErrorIs(t, answer(6), ErrAnswered, "never delivered")
		}
		require.NoError(t, a.ack(5))
		require.NoError(t, a.flush())
		require.Equal(t, []string{"ack up to 5"}, w.written())
	})
}

func TestAnswersOfASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	answering(t, 1000, 3, func(t *testing.T, a *answers, w *wireLog) {
		require.NoError(t, a.ack(1))
		a.end()
		for _, answer := range []func(uint64) error{a.ack, a.requeue, a.reject} {
			require.ErrorIs(t, answer(2), ErrSessionLost)
		}
		require.NoError(t, a.flush(), "what was taken is written all the same")
		require.Equal(t, []string{"ack up to 1"}, w.written())
	})
}

func TestAnswersThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	answering(t, 1, 3, func(t *testing.T, a *answers, w *wireLog) {
		w.err = errors.New("broken pipe")
		for _, err := range []error{a.ack(1), a.requeue(2), a.reject(3)} {
			require.ErrorIs(t, err, ErrSessionLost)
			require.ErrorIs(t, err, w.err)
		}
	})
}

func TestAcksOfAFlushAreOneWrite(t *testing.T) {
	t.Parallel()
	answering(t, 1000, 100, func(t *testing.T, a *answers, w *wireLog) {
		for tag := uint64(100); tag > 1; tag -= 2 {
			require.NoError(t, a.ack(tag))
		}
		require.NoError(t, a.flush())
		require.Len(t, w.written(), 50, "behind a slow head each is acked by itself")
		require.Equal(t, 1, w.pieces)
		w.lastErr = errors.New("broken pipe")
		require.NoError(t, a.ack(1))
		require.NoError(t, a.ack(5))
		require.ErrorIs(t, a.flush(), w.lastErr)
		require.False(t, w.corked)
	})
}

func TestADeliveryThatIsMissing(t *testing.T) {
	t.Parallel()
	a := newAnswers(&wireLog{}, nil)
	require.NoError(t, a.deliver(1))
	assert.ErrorContains(t, a.deliver(3), "delivery 3 came where 2 was due")
}

func TestAnswersOfMany(t *testing.T) {
	t.Parallel()
	w := &wireLog{}
	a := newAnswers(w, w)
	a.setWindow(64)
	stop := make(chan struct{})
	var flusher, workers sync.WaitGroup
	flusher.Go(func() { a.flushInTime(stop) })
	tags := make(chan uint64)
	for range 8 {
		workers.Go(func() {
			for tag := range tags {
				if tag%7 == 0 {
					assert.NoError(t, a.requeue(tag))
				} else {
					assert.NoError(t, a.ack(tag))
				}
			}
		})
	}
	const total = 5000
	for tag := uint64(1); tag <= total; tag++ {
		require.NoError(t, a.deliver(tag))
		tags <- tag
	}
	close(tags)
	workers.Wait()
	close(stop)
	flusher.Wait()
	a.end()
	require.NoError(t, a.flush())

	broker := ackedBroker{t, map[uint64]bool{}, map[uint64]bool{}}
	for tag := uint64(1); tag <= total; tag++ {
		broker.outstanding[tag] = true
	}
	requeued := 0
	for _, frame := range w.written() {
		var tag uint64
		switch {
		case scan(frame, "ack up to %d", &tag):
			broker.take([]ackFrame{{tag, true}})
		case scan(frame, "ack %d", &tag):
			broker.take([]ackFrame{{tag, false}})
		case scan(frame, "requeue %d", &tag):
			require.True(t, broker.outstanding[tag], frame)
			delete(broker.outstanding, tag)
			requeued++
		}
	}
	assert.Empty(t, broker.outstanding)
	assert.Equal(t, total/7, requeued)
}

func scan(text, format string, tag *uint64) bool {
	n, err := fmt.Sscanf(text, format, tag)
	return err == nil && n == 1
}
