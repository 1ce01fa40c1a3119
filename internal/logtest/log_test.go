package logtest

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fatal is a test that has failed for good.
type fatal struct {
	testing.TB
}

func (fatal) Helper()               {}
func (fatal) Fatalf(string, ...any) { panic("failed") }

func TestLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Log
		go func() {
			for _, text := range []string{"one ", "two ", "three"} {
				time.Sleep(time.Second) // the bubble's clock
				_, _ = io.WriteString(&l, text)
			}
		}()
		l.Await(t, "two three", time.Minute)
		assert.Equal(t, "one two three", l.String())
		l.Await(t, "one", 0)
		assert.PanicsWithValue(t, "failed", func() { l.Await(fatal{}, "four", time.Second) })
	})
}
