package metrics

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process that does not answer is stuck, and is asked once meanwhile; when it answers it is not.
func TestPulse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		release := make(chan struct{})
		var asked atomic.Int32
		p := NewPulse(func() error {
			asked.Add(1)
			<-release
			return away
		})
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { assert.ErrorIs(t, p.Ready(t.Context()), ErrStuck) })
		}
		all.Wait()
		assert.Equal(t, PulseTimeout, time.Since(began))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Ready(ctx), context.DeadlineExceeded)
		assert.EqualValues(t, 1, asked.Load())
		close(release)
		synctest.Wait()
		require.ErrorIs(t, p.Ready(t.Context()), away)
		assert.EqualValues(t, 2, asked.Load(), "it is asked anew")
	})
}

// Who is not ready is alive; who cannot tell is not.
func TestHealthOfAStuckProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		served := handler(func() error {
			<-release
			return ErrNotReady
		}, nil)
		get := func(path string) (status int, text string) {
			w := httptest.NewRecorder()
			served.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return w.Code, w.Body.String()
		}
		for _, path := range []string{healthPath, readyPath} {
			status, text := get(path)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, "stuck: whether it is ready is not known after 5s", text)
		}
		close(release)
		synctest.Wait()
		status, text := get(healthPath)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "ok", text)
		status, _ = get(readyPath)
		assert.Equal(t, http.StatusServiceUnavailable, status)
	})
}
