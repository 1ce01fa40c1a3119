package worker

import (
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
)

// An exact alarm never goes off early, whatever was set before it; how late it is is for the benchmark.
func TestExactAlarm(t *testing.T) {
	t.Parallel()
	fired := make(chan time.Time, 10)
	a := newAlarm(exactClock{clockwork.NewRealClock()}, func() { fired <- time.Now() })
	for _, in := range []time.Duration{0, -time.Hour, 10 * time.Microsecond, time.Millisecond, alarmLead, alarmLead + time.Millisecond, 20 * time.Millisecond} {
		due := time.Now().Add(in)
		a.set(in)
		assert.False(t, (<-fired).Before(due), "%s", in)
	}
	a.set(time.Hour)
	a.set(3 * time.Millisecond)
	<-fired
	a.set(time.Hour)
	a.stop()
	assert.Empty(t, fired)
}

func BenchmarkAlarmLateness(b *testing.B) {
	for name, clock := range map[string]clockwork.Clock{
		"timer": clockwork.NewRealClock(), "exact": exactClock{clockwork.NewRealClock()},
	} {
		b.Run(name, func(b *testing.B) {
			fired := make(chan time.Time, 1)
			a := newAlarm(clock, func() { fired <- time.Now() })
			var late time.Duration
			for b.Loop() {
				const in = 4*time.Millisecond + 321*time.Microsecond
				due := time.Now().Add(in)
				a.set(in)
				late += (<-fired).Sub(due)
			}
			b.ReportMetric(float64(late.Microseconds())/float64(b.N), "µs-late")
		})
	}
}
