package broker

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests' own hand on the wire: what the library would not write.

func frameOf(kind byte, channel uint16, payload []byte) []byte {
	frame := binary.BigEndian.AppendUint16([]byte{kind}, channel)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(payload)))
	return append(append(frame, payload...), frameEnd)
}

// method is a method's frame; fields are strings (short), []byte (long), numbers by their width.
func method(channel, class, id uint16, fields ...any) []byte {
	payload := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, class), id)
	for _, field := range fields {
		switch v := field.(type) {
		case string:
			payload = append(append(payload, byte(len(v))), v...)
		case []byte:
			payload = append(binary.BigEndian.AppendUint32(payload, uint32(len(v))), v...)
		case byte:
			payload = append(payload, v)
		case uint16:
			payload = binary.BigEndian.AppendUint16(payload, v)
		case uint32:
			payload = binary.BigEndian.AppendUint32(payload, v)
		case uint64:
			payload = binary.BigEndian.AppendUint64(payload, v)
		}
	}
	return frameOf(1, channel, payload)
}

// contentOf is the payload of a content header of a message without a body.
func contentOf(flags uint16, properties ...[]byte) []byte {
	payload := make([]byte, contentHead-2, 64)
	binary.BigEndian.PutUint16(payload, 60)
	payload = binary.BigEndian.AppendUint16(payload, flags)
	for _, p := range properties {
		payload = append(payload, p...)
	}
	return payload
}

func short(text string) []byte { return append([]byte{byte(len(text))}, text...) }

func long(value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(value))), value...)
}

// field is a value with its type, as it stands in a table or an array.
func field(kind byte, value []byte) []byte { return append([]byte{kind}, value...) }

// entry is a name and its value in a table.
func entry(name string, value []byte) []byte { return append(short(name), value...) }

// nested is a value that is so many tables and arrays deep, in turn.
func nested(depth int) []byte {
	value := field('V', nil)
	for i := range depth {
		if i%2 == 0 {
			value = field('A', long(value))
		} else {
			value = field('F', long(entry("n", value)))
		}
	}
	return value
}

// serveLibrary plays a broker to the library until the connection ends: it answers what the library
// asks for, and sends content to the first consumer.
func serveLibrary(conn net.Conn, content []byte) {
	defer conn.Close()
	preamble := make([]byte, 8)
	if _, err := io.ReadFull(conn, preamble); err != nil {
		return
	}
	properties := entry("version", field('S', long([]byte("4.3.0"))))
	answer := method(0, 10, 10, byte(0), byte(9), properties, []byte("PLAIN"), []byte("en_US"))
	for {
		if _, err := conn.Write(answer); err != nil {
			return
		}
		answer = nil
		head := make([]byte, frameHead)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		if head[0] != 1 {
			continue
		}
		switch [2]byte{payload[1], payload[3]} {
		case [2]byte{10, 11}:
			answer = method(0, 10, 30, uint16(10), uint32(defaultFrameMax), uint16(0))
		case [2]byte{10, 40}:
			answer = method(0, 10, 41, "")
		case [2]byte{10, 50}:
			answer = method(0, 10, 51)
		case [2]byte{20, 10}:
			answer = method(1, 20, 11, []byte{})
		case [2]byte{60, 20}:
			answer = append(method(1, 60, 21, "c"), content...)
		}
	}
}

// deliverOf is basic.deliver with a content header, and whatever it announces left out.
func deliverOf(tag uint64, header []byte) []byte {
	return append(method(1, 60, 60, "c", tag, byte(0), "", "key"), frameOf(typeHeader, 1, header)...)
}

// libraryReads has the library receive a message with a content header. It returns the message where
// the library goes on to the next one.
func libraryReads(t require.TestingT, header []byte, filtered bool) (amqp.Delivery, bool) {
	client, server := net.Pipe()
	content := append(deliverOf(1, header), deliverOf(2, contentOf(0))...)
	var broker sync.WaitGroup
	broker.Go(func() { serveLibrary(server, content) })
	defer broker.Wait()
	s := &transport{Conn: client, in: client}
	if filtered {
		s.in = newHeaderFilter(client)
	}
	conn, err := amqp.Open(s, amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{}}, FrameSize: defaultFrameMax})
	require.NoError(t, err)
	defer conn.Close()
	channel, err := conn.Channel()
	require.NoError(t, err)
	deliveries, err := channel.Consume("q", "c", false, false, false, false, nil)
	if err != nil {
		return amqp.Delivery{}, false
	}
	var first amqp.Delivery
	for d := range deliveries {
		if d.DeliveryTag == 2 {
			return first, true
		}
		first = d
	}
	return first, false
}

func TestLibraryReadsThePlainest(t *testing.T) {
	t.Parallel()
	d, ok := libraryReads(t, contentOf(0x0080, short("id")), false)
	require.True(t, ok)
	assert.Equal(t, "id", d.MessageId)
	_, ok = libraryReads(t, contentOf(0x2000, long(entry("deep", nested(33)))), false)
	assert.False(t, ok)
}
