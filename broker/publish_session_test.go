package broker

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
)

// closable tells when it was closed.
type closable struct {
	net.Conn
	closed chan time.Time
}

func (c *closable) Close() error {
	select {
	case c.closed <- time.Now():
	default:
	}
	return nil
}

// A connection that confirms nothing is replaced after ConfirmTimeout and little more, whenever the last
// confirm had come.
func TestConfirmsThatDoNotComeAreNoticedInTime(t *testing.T) {
	const timeout = 10 * time.Second
	for _, confirmedAfter := range []time.Duration{0, time.Millisecond, 490 * time.Millisecond, 2490 * time.Millisecond, 7 * time.Second} {
		t.Run(confirmedAfter.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{ConfirmTimeout: timeout}.withDefaults()
				socketOf := &closable{closed: make(chan time.Time, 1)}
				s := &publishSession{
					publisher: newPublisher(&cfg), conn: &connection{raw: &socket{Conn: socketOf}},
					closed: make(chan *amqp.Error, 1), over: make(chan struct{}), room: make(chan struct{}, 2),
					channel: &amqp.Channel{},
					pending: map[uint64]*publication{},
				}
				for place := range uint64(2) {
					s.room <- struct{}{}
					s.pending[place] = &publication{confirmation: &amqp.DeferredConfirmation{}, done: make(chan *publication, 1)}
				}
				go s.watch()
				time.Sleep(confirmedAfter)
				s.settle(0, true)
				confirmed := time.Now()
				took := (<-socketOf.closed).Sub(confirmed)
				assert.GreaterOrEqual(t, took, timeout)
				assert.LessOrEqual(t, took, timeout+2*timeout/confirmLooks)
				s.closed <- amqp.ErrClosed
				<-s.over
			})
		})
	}
}

// A channel that is refused messages is retired when it has lived for a while, and no sooner: a queue that is
// full refuses all.
func TestChannelThatIsRefusedIsRetired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &publishSession{since: time.Now(), retired: make(chan struct{})}
		s.refused()
		time.Sleep(nackPatience - time.Nanosecond)
		s.refused()
		assert.False(t, s.isRetired())
		time.Sleep(time.Nanosecond)
		s.refused()
		s.refused()
		assert.True(t, s.isRetired())
	})
}
