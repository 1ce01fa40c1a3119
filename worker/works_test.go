package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/tasks"
)

// fakeSession is the life of some deliveries.
type fakeSession struct {
	life context.Context
	lose context.CancelFunc
}

func newFakeSession() *fakeSession {
	s := &fakeSession{}
	s.life, s.lose = context.WithCancel(context.Background())
	return s
}

// fakeMessage is a message in a queue.
type fakeMessage struct {
	id, body    string
	out         bool // with a consumer
	redelivered bool
	gone        bool // acknowledged
}

// fakeDelivery is a delivery of a message.
type fakeDelivery struct {
	session *fakeSession
	message *fakeMessage
	ackLost bool // the acknowledgement is written, and the session ends before the broker has read it
}

func (d *fakeDelivery) Ack() error {
	if d.Lost() {
		return broker.ErrSessionLost
	}
	if !d.ackLost {
		d.message.gone, d.message.out = true, false
	}
	return nil
}
func (d *fakeDelivery) Requeue() error           { panic("not used") }
func (d *fakeDelivery) Reject() error            { panic("not used") }
func (d *fakeDelivery) Lost() bool               { return d.session.life.Err() != nil }
func (d *fakeDelivery) Context() context.Context { return d.session.life }

func (d *fakeDelivery) item(w *works) *item {
	it := &item{delivery: d, task: tasks.Task{ID: d.message.id, Key: "k"}, message: tasks.Message{Body: []byte(d.message.body)}}
	it.name = w.name(it)
	return it
}

// Whatever the order of starts, ends and losses: no message is acknowledged that was not run, and
// where IDs are unique none is run twice.
func TestWorksProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorks(time.Now)
		count := rapid.IntRange(1, 8).Draw(t, "messages")
		ids := rapid.SampledFrom([]string{"unique", "same", "none"}).Draw(t, "ids")
		unique := ids == "unique"
		queue := make([]*fakeMessage, count)
		for i := range queue {
			queue[i] = &fakeMessage{body: "same"}
			switch ids {
			case "unique":
				queue[i].id = fmt.Sprint(i)
			case "same":
				queue[i].id = "same"
			}
		}
		session := newFakeSession()
		var running []*item
		lose := func() {
			session.lose()
			session = newFakeSession()
			for _, m := range queue {
				if m.out {
					m.out, m.redelivered = false, true
				}
			}
		}
		runs := 0
		start := func(m *fakeMessage) {
			m.out = true
			it := (&fakeDelivery{session: session, message: m}).item(w)
			if m.redelivered {
				joined, decision, known := w.recognise(it)
				switch {
				case joined:
					return
				case known:
					require.Equal(t, tasks.Ack, decision.Action)
					w.begin(it)
					require.NoError(t, w.settled(it).Ack())
					return
				}
			}
			w.begin(it)
			running = append(running, it)
		}
		end := func(i int, ackLost bool) {
			it := running[i]
			running = append(running[:i], running[i+1:]...)
			runs++
			d := w.settled(it).(*fakeDelivery)
			d.ackLost = ackLost
			_ = d.Ack() // an error says that the session is lost, which is the point
			if ackLost {
				lose()
			}
		}
		waiting := func() (ms []*fakeMessage) {
			for _, m := range queue {
				if !m.out && !m.gone {
					ms = append(ms, m)
				}
			}
			return ms
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				if ms := waiting(); len(ms) > 0 {
					start(rapid.SampledFrom(ms).Draw(t, "message"))
				}
			case 1, 2:
				if len(running) > 0 {
					end(rapid.IntRange(0, len(running)-1).Draw(t, "which"), rapid.Bool().Draw(t, "ack lost"))
				}
			case 3:
				lose()
			case 4: // where one ID is two messages, this may hide one of them
				if ms := waiting(); len(ms) > 0 && ids != "same" {
					rapid.SampledFrom(ms).Draw(t, "given back by another worker").redelivered = true
				}
			}
		}
		for { // to the end, without faults
			ms := waiting()
			if len(ms) == 0 && len(running) == 0 {
				break
			}
			if len(ms) > 0 {
				start(ms[0])
				continue
			}
			end(0, false)
		}
		gone := 0
		for _, m := range queue {
			if m.gone {
				gone++
			}
		}
		assert.Equal(t, count, gone, "all are acknowledged in the end")
		assert.GreaterOrEqual(t, runs, count, "each was run")
		if unique { // without an ID, what was given one and could not be acknowledged is given another
			assert.Equal(t, count, runs, "none was run twice")
		}
		assert.Empty(t, w.running)
	})
}

// A decision is kept for a redelivery of the same message alone, and for one.
func TestWorksTellMessagesApart(t *testing.T) {
	w := newWorks(time.Now)
	session := newFakeSession()
	first := (&fakeDelivery{session: session, message: &fakeMessage{id: "x", body: "first"}}).item(w)
	again := func(id, body string, settlement int) *item {
		it := (&fakeDelivery{session: newFakeSession(), message: &fakeMessage{id: id, body: body}}).item(w)
		it.task.Settlement = settlement
		it.name = w.name(it)
		return it
	}
	known := func(it *item) bool {
		_, _, known := w.recognise(it)
		return known
	}
	w.begin(first)
	assert.False(t, known(again("x", "first", 0)), "the session of the one that runs lives: this is another message")
	session.lose()
	failed := tasks.Decision{Action: tasks.Retry, Counts: true}
	require.True(t, w.leave(first, failed))
	assert.False(t, known(again("x", "other", 0)), "another payload under a careless ID")
	assert.False(t, known(again("y", "first", 0)), "another ID")
	assert.False(t, known(again("x", "first", 1)), "another publishing of the work")
	later := again("x", "first", 0)
	later.task.Attempt = 3
	later.name = w.name(later)
	assert.False(t, known(later), "another attempt, of a work that was doubled")
	joined, decision, found := w.recognise(again("x", "first", 0))
	assert.False(t, joined)
	assert.True(t, found)
	assert.Equal(t, failed, decision)
	assert.False(t, known(again("x", "first", 0)), "once")
}

// Foreign messages without an ID that are alike are several works, however they come: what became of
// one says nothing about the next, which another worker may have had and given back.
func TestWorksWithoutAnIDAreNotTakenForFinished(t *testing.T) {
	w := newWorks(time.Now)
	session := newFakeSession()
	alike := func(s *fakeSession) (*item, *fakeMessage) {
		m := &fakeMessage{body: "{}"}
		return (&fakeDelivery{session: s, message: m}).item(w), m
	}
	first, message := alike(session)
	w.begin(first)
	require.NoError(t, w.settled(first).Ack())
	require.True(t, message.gone, "RabbitMQ has its acknowledgement")
	session.lose()
	later, _ := alike(newFakeSession())
	_, _, known := w.recognise(later)
	assert.False(t, known, "it would be acknowledged and never run")
}

// A work that is joined before it is settled is not left: it is to be settled on the new delivery.
func TestWorksJoinedWhileSettling(t *testing.T) {
	w := newWorks(time.Now)
	session := newFakeSession()
	message := &fakeMessage{id: "x", body: "b"}
	it := (&fakeDelivery{session: session, message: message}).item(w)
	w.begin(it)
	session.lose()
	joined, _, _ := w.recognise((&fakeDelivery{session: newFakeSession(), message: message}).item(w))
	require.True(t, joined)
	assert.False(t, w.leave(it, tasks.Decision{Action: tasks.Retry}))
	require.NoError(t, w.settled(it).Ack())
	assert.True(t, message.gone)
}

// A session is lost between the taking of a task and its start, and the redelivery is faster: one of
// the two is run.
func TestWorksStartNothingThatIsLost(t *testing.T) {
	w := newWorks(time.Now)
	session, message := newFakeSession(), &fakeMessage{id: "x"}
	taken := (&fakeDelivery{session: session, message: message}).item(w)
	session.lose()
	again := (&fakeDelivery{session: newFakeSession(), message: message}).item(w)
	joined, _, known := w.recognise(again)
	require.False(t, joined || known, "nothing has begun")
	assert.False(t, w.start(taken))
	assert.True(t, w.start(again))
}

// What is remembered is bounded, and the newest stays.
func TestWorksForgetTheOldest(t *testing.T) {
	w := newWorks(time.Now)
	session := newFakeSession()
	for i := range 3*remembered + 7 {
		it := (&fakeDelivery{session: session, message: &fakeMessage{id: fmt.Sprint(i)}}).item(w)
		w.begin(it)
		w.settled(it)
	}
	session.lose()
	assert.Len(t, w.decided, remembered)
	assert.Len(t, w.remember, remembered)
	known := func(id int) bool {
		_, _, known := w.recognise((&fakeDelivery{session: newFakeSession(), message: &fakeMessage{id: fmt.Sprint(id)}}).item(w))
		return known
	}
	assert.True(t, known(3*remembered+6))
	assert.True(t, known(2*remembered+7))
	assert.False(t, known(2*remembered+6))
}

func BenchmarkWorks(b *testing.B) {
	w := newWorks(time.Now)
	session := newFakeSession()
	items := make([]*item, 10_000)
	for i := range items {
		items[i] = (&fakeDelivery{session: session, message: &fakeMessage{id: tasks.NewID(), body: "256"}}).item(w)
	}
	b.ReportAllocs()
	for i := range b.N {
		it := items[i%len(items)]
		w.begin(it)
		w.settled(it)
	}
}
