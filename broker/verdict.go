package broker

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// messageSize is what RabbitMQ says of a message beyond its max_message_size: "message size 20
// is larger than configured max size 10", "message size 20 larger than max size 10" before 3.13.
var messageSize = regexp.MustCompile(`message size \d+ .*max size (\d+)`)

func (s *publishSession) learnLimit(err *amqp.Error) {
	if err == nil || err.Code != amqp.PreconditionFailed {
		return
	}
	if found := messageSize.FindStringSubmatch(err.Reason); found != nil {
		if body, convErr := strconv.Atoi(found[1]); convErr == nil {
			s.publisher.limits.Store(&limits{body: body, frame: s.conn.Config.FrameSize})
		}
	}
}

// fate tells what became of a message whose channel was closed before its confirm. RabbitMQ closes
// a channel over one message; what came before that one it may have taken, what came after it has
// forgotten. Where several messages could be the one, each of them may have arrived.
func (s *publishSession) fate(pub *publication, err *amqp.Error, suspects int) error {
	verdict := s.suspect(pub, err)
	switch {
	case pub.returned:
		return ErrUnroutable
	case err == nil:
		return ErrUnconfirmed
	case verdict == nil:
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	case suspects > 1 && !errors.Is(verdict, ErrTooLarge):
		return fmt.Errorf("%w, %w: %w", ErrUnconfirmed, verdict, err)
	default:
		return fmt.Errorf("%w: %w", verdict, err)
	}
}

// suspect tells what a message would have done wrong that the broker could mean by closing the
// channel as it did: one of this package's errors, or nil.
func (s *publishSession) suspect(pub *publication, err *amqp.Error) error {
	if err == nil {
		return nil
	}
	exchange := pub.exchange
	if exchange == "" {
		exchange = "amq.default" // as RabbitMQ names it
	}
	named := strings.Contains(err.Reason, "exchange '"+exchange+"'")
	switch {
	case err.Code == amqp.NotFound && named:
		return ErrUnroutable
	case err.Code == amqp.AccessRefused && named:
		return ErrRefused
	case err.Code == amqp.PreconditionFailed && messageSize.MatchString(err.Reason) &&
		len(pub.message.Body) > s.publisher.limits.Load().body:
		return ErrTooLarge
	}
	return nil
}
