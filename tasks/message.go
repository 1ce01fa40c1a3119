package tasks

import (
	"maps"
	"time"
)

// Message is an AMQP 0-9-1 message as plain data: the properties and the body as they travel,
// nothing interpreted. Package broker makes it from a delivery and publishes it.
type Message struct {
	// Exchange and RoutingKey are those of the delivery, or where to publish.
	Exchange   string
	RoutingKey string

	// Headers values are those of an AMQP table; nested tables are map[string]any.
	Headers         map[string]any
	ContentType     string
	ContentEncoding string
	// Priority 0 is absent: AMQP clients do not tell the two apart.
	Priority      uint8
	CorrelationID string
	ReplyTo       string
	// Expiration is AMQP's: milliseconds as decimal text.
	Expiration string
	MessageID  string
	// Timestamp has whole seconds; the zero time is absent.
	Timestamp time.Time
	Type      string
	UserID    string
	AppID     string

	Body []byte
}

// Clone returns a copy that shares the body and the headers' values but not the header table.
func (m Message) Clone() Message {
	m.Headers = maps.Clone(m.Headers)
	return m
}

// SetHeader sets a header, making the table where there is none.
func (m *Message) SetHeader(name string, value any) {
	if m.Headers == nil {
		m.Headers = make(map[string]any, 4)
	}
	m.Headers[name] = value
}

// CountedByQueue reports whether the queue that delivered the message keeps count of its deliveries
// in the message itself, which [Decode] then takes in. A quorum queue does, from the second
// delivery on; of a classic queue only the delivery's redelivered flag is known.
func (m *Message) CountedByQueue() bool {
	_, deliveries := m.Headers[headerDeliveryCount]
	_, acquired := m.Headers[headerAcquiredCount]
	return deliveries || acquired
}
