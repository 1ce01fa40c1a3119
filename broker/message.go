package broker

import (
	"fmt"
	"math"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warrenmq/warren/tasks"
)

// maxShortString is the length of AMQP's short strings.
const maxShortString = 255

// toPublishing turns a message into the library's form. What the library would fail to encode
// after it has begun to write, which ends the connection, is refused here with an error that is
// tasks.ErrInvalidTask.
func toPublishing(m *tasks.Message) (amqp.Publishing, error) {
	for _, p := range [...]struct{ name, value string }{
		{"exchange", m.Exchange}, {"routing key", m.RoutingKey}, {"content type", m.ContentType},
		{"content encoding", m.ContentEncoding}, {"correlation id", m.CorrelationID}, {"reply to", m.ReplyTo},
		{"expiration", m.Expiration}, {"message id", m.MessageID}, {"type", m.Type},
		{"user id", m.UserID}, {"app id", m.AppID},
	} {
		if len(p.value) > maxShortString {
			return amqp.Publishing{}, fmt.Errorf("%w: %s: %d bytes, at most %d", tasks.ErrInvalidTask, p.name, len(p.value), maxShortString)
		}
	}
	headers, err := toTable(m.Headers)
	if err != nil {
		return amqp.Publishing{}, fmt.Errorf("%w: %w", tasks.ErrInvalidTask, err)
	}
	return amqp.Publishing{
		Headers: headers, ContentType: m.ContentType, ContentEncoding: m.ContentEncoding,
		DeliveryMode: amqp.Persistent, Priority: m.Priority, CorrelationId: m.CorrelationID, ReplyTo: m.ReplyTo,
		Expiration: m.Expiration, MessageId: m.MessageID, Timestamp: m.Timestamp, Type: m.Type,
		UserId: m.UserID, AppId: m.AppID, Body: m.Body,
	}, nil
}

// fromDelivery turns a delivery into a message.
func fromDelivery(d *amqp.Delivery) tasks.Message {
	m := tasks.Message{
		Exchange: d.Exchange, RoutingKey: d.RoutingKey,
		ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, Priority: d.Priority,
		CorrelationID: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageID: d.MessageId,
		Timestamp: d.Timestamp, Type: d.Type, UserID: d.UserId, AppID: d.AppId, Body: d.Body,
	}
	if len(d.Headers) > 0 {
		m.Headers = fromTable(d.Headers)
	}
	return m
}

// toTable turns headers into the library's table, with the table's own types inside.
func toTable(headers map[string]any) (amqp.Table, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	table := make(amqp.Table, len(headers))
	for name, value := range headers {
		if len(name) > maxShortString {
			return nil, fmt.Errorf("header %.40q…: a name of %d bytes, at most %d", name, len(name), maxShortString)
		}
		field, err := toField(value)
		if err != nil {
			return nil, fmt.Errorf("header %q: %w", name, err)
		}
		table[name] = field
	}
	return table, nil
}

func toField(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		table, err := toTable(v)
		if table == nil {
			table = amqp.Table{}
		}
		return table, err
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			field, err := toField(item)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
			list[i] = field
		}
		return list, nil
	case []string:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = item
		}
		return list, nil
	case int: // the library would cut it to 32 bits
		return int64(v), nil
	case float32:
		return toFloat(v, float64(v))
	case float64:
		return toFloat(v, v)
	}
	if err := (amqp.Table{"": value}).Validate(); err != nil {
		return nil, fmt.Errorf("a value of type %T is not one of AMQP's", value)
	}
	return value, nil
}

// toFloat refuses what is not a number: reading it crashes the broker's channel (3.10.8), since
// Erlang has no such value.
func toFloat(value any, number float64) (any, error) {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return nil, fmt.Errorf("%v is not a number that RabbitMQ can read", number)
	}
	return value, nil
}

func fromTable(table amqp.Table) map[string]any {
	headers := make(map[string]any, len(table))
	for name, value := range table {
		headers[name] = fromField(value)
	}
	return headers
}

func fromField(value any) any {
	switch v := value.(type) {
	case amqp.Table:
		return fromTable(v)
	case []any:
		for i, item := range v {
			v[i] = fromField(item)
		}
		return v
	default:
		return value
	}
}
