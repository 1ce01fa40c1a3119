package broker

import (
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/routing"
)

// defaultMaxMessageBytes is RabbitMQ's default of max_message_size (release notes of 4.0).
func defaultMaxMessageBytes(v routing.Version) int {
	if v.AtLeast(4, 0) {
		return 16 << 20
	}
	return 128 << 20
}

// headerFrameBytes is how large a message's header frame is on the wire. The library writes it as
// one frame however large, and the broker closes the connection over a frame beyond its maximum.
func headerFrameBytes(p *amqp.Publishing) int {
	size := 8 + 14 + tableBytes(p.Headers) + 1 + 1 // frame, class..flags, headers, delivery mode, priority
	for _, text := range [...]string{
		p.ContentType, p.ContentEncoding, p.CorrelationId, p.ReplyTo, p.Expiration, p.MessageId, p.Type, p.UserId, p.AppId,
	} {
		size += 1 + len(text)
	}
	return size + 8 // timestamp
}

func tableBytes(t amqp.Table) int {
	size := 4
	for name, value := range t {
		size += 1 + len(name) + fieldBytes(value)
	}
	return size
}

// fieldBytes is the size of a field value with its type byte.
func fieldBytes(value any) int {
	switch v := value.(type) {
	case nil:
		return 1
	case bool, uint8, int8:
		return 2
	case int16, uint16:
		return 3
	case int32, uint32, float32:
		return 5
	case int64, float64, time.Time:
		return 9
	case amqp.Decimal:
		return 6
	case string:
		return 5 + len(v)
	case []byte:
		return 5 + len(v)
	case []any:
		size := 5
		for _, item := range v {
			size += fieldBytes(item)
		}
		return size
	case amqp.Table:
		return 1 + tableBytes(v)
	default:
		return 9
	}
}
