package broker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

type fakeConfirm struct {
	done  chan struct{}
	acked bool
}

func (c *fakeConfirm) Done() <-chan struct{} { return c.done }
func (c *fakeConfirm) Acked() bool           { return c.acked }

// One message that is never confirmed delays those behind it once, and by little.
func TestAConfirmThatDoesNotComeKeepsNobodyBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 1000
		settled := make(chan uint64, count)
		c := newConfirms(count, func(place uint64, acked bool) {
			assert.Equal(t, place%2 == 0, acked)
			settled <- place
		})
		fakes := make([]*fakeConfirm, count)
		for i := range fakes {
			fakes[i] = &fakeConfirm{make(chan struct{}), i%2 == 0}
			c.await(uint64(i), fakes[i], i+1)
		}
		stuck := func(i int) bool { return i%10 == 0 }
		for i, f := range fakes {
			if !stuck(i) {
				close(f.done)
			}
		}
		began := time.Now()
		for range count - count/10 {
			assert.False(t, stuck(int(<-settled)))
		}
		assert.LessOrEqual(t, time.Since(began), confirmPatience)
		for i, f := range fakes {
			if stuck(i) {
				close(f.done)
			}
		}
		c.close()
		c.wait()
		assert.Len(t, settled, count/10)
	})
}

func TestFewConfirmsAreAwaitedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settled := make(chan uint64, fewConfirms)
		c := newConfirms(fewConfirms, func(place uint64, _ bool) { settled <- place })
		stuck := &fakeConfirm{done: make(chan struct{})}
		c.await(1, stuck, 1)
		for place := uint64(2); place <= fewConfirms; place++ {
			f := &fakeConfirm{done: make(chan struct{})}
			c.await(place, f, int(place))
			close(f.done)
		}
		began := time.Now()
		for range fewConfirms - 1 {
			<-settled
		}
		assert.Zero(t, time.Since(began))
		close(stuck.done)
		c.close()
		c.wait()
	})
}

// While nothing comes nobody is kept back: there is no reason to give each a goroutine.
func TestConfirmsThatAllComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 1000
		var order []uint64
		c := newConfirms(count, func(place uint64, _ bool) { order = append(order, place) })
		fakes := make([]*fakeConfirm, count)
		for i := range fakes {
			fakes[i] = &fakeConfirm{done: make(chan struct{})}
			c.await(uint64(i), fakes[i], fewConfirms+1)
		}
		<-time.After(10*confirmPatience + confirmPatience/2) // between two looks, which would find some come and some not
		for _, f := range fakes {
			close(f.done)
		}
		c.close()
		c.wait()
		assert.Len(t, order, count)
		assert.IsIncreasing(t, order, "by one goroutine, which awaits in order")
	})
}
