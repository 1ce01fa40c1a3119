package worker

import (
	"strconv"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
)

// BenchmarkBuffer is a delivery's way through a buffer that a prefetch of 1000 keeps full: one
// iteration is a push, a take and a done.
func BenchmarkBuffer(b *testing.B) {
	b.Run("one slot", func(b *testing.B) {
		buffer := fullBuffer(0)
		b.ReportAllocs()
		for b.Loop() {
			it := buffer.take()
			buffer.done(it)
			buffer.push(it)
		}
	})
	b.Run("many slots", func(b *testing.B) {
		buffer := fullBuffer(0)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				it := buffer.take()
				buffer.done(it)
				buffer.push(it)
			}
		})
	})
	b.Run("ten limited patterns", func(b *testing.B) {
		buffer := fullBuffer(10)
		b.ReportAllocs()
		for b.Loop() {
			it := buffer.take()
			buffer.done(it)
			buffer.push(it)
		}
	})
}

// BenchmarkBufferExpire is a look for deliveries that have been held too long among 1000 that have
// not.
func BenchmarkBufferExpire(b *testing.B) {
	buffer := fullBuffer(0)
	for b.Loop() {
		buffer.expire(time.Time{})
	}
}

// fullBuffer holds 1000 deliveries of all priorities, in as many limited patterns or in none.
func fullBuffer(patterns int) *buffer {
	buffer := newTestBuffer(clockwork.NewRealClock(), 0)
	for i := range 1000 {
		it := newItem("", i%10, time.Time{})
		if patterns > 0 {
			it.pattern, it.limit = strconv.Itoa(i%patterns), 1
		}
		buffer.push(it)
	}
	return buffer
}
