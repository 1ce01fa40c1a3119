package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

const (
	// firstRound is how many letters are taken at first. A round that is dealt with soon is followed by
	// one of twice as many, up to maxRound. None is of more than roundBytes if its letters are as large as
	// the largest of those taken just before: the client library holds what was taken and not shown.
	firstRound = 64
	maxRound   = 1024
	roundBytes = 8 << 20
	// soon and late are how long it takes to deal with a round that may be larger, and that is too large:
	// nothing is to be taken long before it is dealt with.
	soon = time.Second
	late = 10 * time.Second
	// quiet is how long letters that the queue counted may stay away before it is asked again: then
	// somebody else has taken them.
	quiet = 2 * time.Second
	// takeGrace is how much longer than its context a sifting may take letters for the order's sake, and
	// wait for the answers to those that it has shown; returnGrace is for giving back, after that.
	takeGrace   = 3 * time.Second
	returnGrace = 2 * time.Second
)

// Sift shows the letters of a dead-letter queue or of the unrouted queue from the head, each once: all
// that lay there when it began where limit is below 1, else at most limit, until each returns false. A
// letter is removed from the queue, or left, as it is answered; a letter may be answered at any time and
// from any goroutine, also after each has returned. Sift takes more letters meanwhile: who answers
// later bounds how many they have pending. It returns when every letter is answered and those that
// were not removed are back, in the order in which they lay.
//
// It blocks, on a connection of its own, with a channel for each thousand letters that it holds, and for
// more where these are many: some 70 for 100,000, or as many as the broker allows for. When ctx ends,
// whose error it returns, it shows no more and has 5 s more: 3 s for answers that are still to come, and
// the rest to give back.
//
// Looking is a delivery that is given back. Meanwhile the letters looked at are unacknowledged:
// no other consumer or browser is given them, the queue's depth is lower by them, a consumer more
// is counted. Letters that arrive meanwhile are not shown, unless their priority puts them before one
// that lay there (RabbitMQ 4.3). What was left is marked as redelivered afterwards, and before 4.3 lies
// behind what arrived meanwhile.
//
// How many are taken can be more than limit, for the order's sake. Before 4.3 a quorum queue without a
// delivery limit takes back what it gave out at its very end, so all is taken. From 4.3 on it gives out
// what came back before anything else, and takes it back behind everything that did: taken is all that
// has ever been looked at. A process that is killed, or a lost connection, gives the letters back too,
// in any order. Nobody should dawdle: the broker closes a channel that holds a delivery for longer than
// its acknowledgement timeout (30 minutes, unless configured), and what is left is held to the end; the
// error is then [ErrHeldTooLong].
//
// The payloads of one round of letters are in memory at a time: at most 1024 letters, and some 8 MB where
// their sizes do not vary much; what is left costs a bit.
//
// From 4.3 a look does not count towards a delivery limit. Before, each does, and at the limit the
// letter would be dropped: there a queue that has a limit is refused as [ErrNotBrowsable]. What a
// policy limits is seen only where the management API may be asked. Refused on every version is a
// queue of another kind: its workers would lack the tasks meanwhile, and their priorities would be
// lost. The other errors are [ErrNoQueue], [ErrRefused] (before 4.3 a look needs configure
// permission, to find out about the limit) and [ErrNotConnected].
//
// Beside an error, doubtful is how many of the letters that were removed may be in the queue again:
// RabbitMQ had not said that it knew of their removal when the connection was lost.
func (c *Client) Sift(ctx context.Context, queue string, limit int, each func(*tasks.Letter) bool) (doubtful int, err error) {
	if doubtful, err = c.sift(ctx, queue, limit, each); err != nil {
		return doubtful, fmt.Errorf("sift %s: %w", queue, err)
	}
	return 0, nil
}

func (c *Client) sift(ctx context.Context, queue string, limit int, each func(*tasks.Letter) bool) (doubtful int, err error) {
	life, end := outlive(ctx, takeGrace+returnGrace)
	defer end()
	err = c.withChannel(life, "browse "+queue, func(newChannel func() (*amqp.Channel, error)) error {
		if err := c.browsable(life, queue, newChannel); err != nil {
			return err
		}
		letters, err := newLetters(newChannel, queue)
		if err != nil {
			return err
		}
		s := sifting{
			letters: letters, each: each, left: limit, rest: math.MaxInt,
			toBack: !c.version.AtLeast(4, 3),
		}
		if limit < 1 {
			s.left = math.MaxInt
		}
		taking, endTaking := outlive(ctx, takeGrace)
		defer endTaking()
		err = s.read(ctx, taking)
		if err == nil {
			err = s.letters.awaitAnswers(taking)
		}
		var lost error
		if doubtful, lost = s.letters.giveBack(life); err == nil {
			err = lost
		}
		if isAckTimeout(err) {
			err = fmt.Errorf("%w: %w", ErrHeldTooLong, err)
		}
		if err == nil {
			err = ctx.Err()
		}
		return err
	})
	return doubtful, err
}

// isAckTimeout reports whether an error is the broker's closing of a channel that holds a delivery for too
// long, which has no code of its own.
func isAckTimeout(err error) bool {
	var amqpErr *amqp.Error
	return errors.As(err, &amqpErr) && amqpErr.Code == amqp.PreconditionFailed && strings.Contains(amqpErr.Reason, "delivery acknowledgement")
}

// outlive returns a context that ends some time after ctx does.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return life, func() { stop(); cancel() }
}

// sifting takes letters and shows them. It begins with a basic.get, whose answer is the exact end of
// the queue or the number of letters behind this one, and goes on in rounds, each a consumer for so
// many letters, since a consumer is fast and returns its letters in one piece. (Letters taken by
// basic.get come back to a quorum queue in any order: each get is a consumer of its own there.)
type sifting struct {
	letters *letters
	each    func(*tasks.Letter) bool
	left    int // letters that may still be shown
	rest    int // letters that lay there and are still to be taken
	// toBack: what is given back to a quorum queue without a delivery limit goes to its very end.
	toBack bool

	redelivered bool // the newest has been given back before
	largest     int  // the largest payload of the round
}

// read takes letters and shows them until there is no more to take. When ctx is done it shows no
// more, and takes for the order's sake only, until taking is done.
func (s *sifting) read(ctx, taking context.Context) error {
	queue, err := s.letters.state()
	if err != nil {
		return err
	}
	s.letters.others = queue.Consumers
	round := firstRound
	for taking.Err() == nil {
		d, ok, err := s.letters.get()
		if err != nil || !ok {
			return err
		}
		s.rest = min(s.rest, int(d.MessageCount)+1)
		s.show(ctx, &d)
		round = s.bounded(round)
		for short := false; !short && s.rest > 0; {
			if s.enough(ctx) || taking.Err() != nil {
				return nil
			}
			count := min(round, s.rest)
			if s.left > 0 {
				count = min(count, s.left)
			}
			began := time.Now()
			if short, err = s.consume(ctx, taking, count); err != nil {
				return err
			}
			round = s.next(round, time.Since(began))
		}
		if s.rest <= 0 {
			return nil
		}
	}
	return nil
}

// next returns how many letters the next round takes, after one that took so long.
func (s *sifting) next(round int, took time.Duration) int {
	switch {
	case took < soon:
		round = min(2*round, maxRound)
	case took > late:
		round = max(round/2, 1)
	}
	return s.bounded(round)
}

// bounded returns how many letters of a round are within roundBytes, if they are as large as the largest
// of those before it, of which there is at least one.
func (s *sifting) bounded(round int) int {
	if s.largest > 0 {
		round = min(round, max(1, roundBytes/s.largest))
	}
	s.largest = 0
	return round
}

// enough reports whether nothing is left to show, nor to take for the order's sake.
func (s *sifting) enough(ctx context.Context) bool {
	return (s.left == 0 || ctx.Err() != nil) && !s.redelivered && !s.toBack
}

// show notes a delivery, and shows it where it is wanted.
func (s *sifting) show(ctx context.Context, d *amqp.Delivery) {
	s.letters.take(d.DeliveryTag)
	s.redelivered, s.largest = d.Redelivered, max(s.largest, len(d.Body))
	s.rest--
	if s.left == 0 || s.rest < 0 || ctx.Err() != nil {
		return
	}
	s.left--
	m, unreadable := received(d)
	if !s.each(s.letters.show(d.DeliveryTag, m, unreadable)) {
		s.left = 0
	}
}

// consume takes count letters by one consumer. It is short where letters stay away.
func (s *sifting) consume(ctx, taking context.Context, count int) (short bool, err error) {
	consumer, deliveries, err := s.letters.consume(count)
	if err != nil {
		return false, err
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
receiving:
	for range count {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return false, errors.New("the broker ended the consumer")
			}
			s.show(ctx, &d)
			timer.Reset(quiet)
		case <-timer.C:
			short = true
			break receiving
		case <-taking.Done():
			break receiving
		}
	}
	if err := s.letters.cancel(consumer); err != nil {
		return false, err
	}
	for d := range deliveries { // what was under way after all; the library ends it
		s.show(ctx, &d)
	}
	return short, s.letters.endRound()
}
