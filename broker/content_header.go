package broker

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// A content header: class, weight, size of the body, flags, then the properties that are flagged.
const (
	contentHead = 14
	flagHeaders = 0x2000
)

// property is a kind of property in a content header.
type property struct {
	flag uint16
	size int // of its value; else one of those below
}

const (
	shortString = -1
	fieldTable  = -2
)

// properties are those of class basic, in their order on the wire.
var properties = [...]property{
	{0x8000, shortString}, // content type
	{0x4000, shortString}, // content encoding
	{flagHeaders, fieldTable},
	{0x1000, 1},           // delivery mode
	{0x0800, 1},           // priority
	{0x0400, shortString}, // correlation ID
	{0x0200, shortString}, // reply to
	{0x0100, shortString}, // expiration
	{0x0080, shortString}, // message ID
	{0x0040, 8},           // timestamp
	{0x0020, shortString}, // type
	{0x0010, shortString}, // user ID
	{0x0008, shortString}, // app ID
	{0x0004, shortString}, // reserved, once the cluster ID
}

// The longest that the properties before the headers, and those behind them, can be.
const (
	maxBefore = 2 * 256
	maxAfter  = 2 + 8 + 8*256
)

// length returns the length of a property at the front of what is left, prefix included. It is false
// where not all of it is there.
func (p property) length(rest []byte) (int, bool) {
	n := p.size
	switch {
	case p.size == shortString && len(rest) > 0:
		n = 1 + int(rest[0])
	case p.size == fieldTable && len(rest) >= 4:
		if size := binary.BigEndian.Uint32(rest); uint64(size) <= uint64(len(rest)) {
			n = 4 + int(size)
		} else {
			return 0, false
		}
	case p.size < 0:
		return 0, false
	}
	return n, n <= len(rest)
}

// contentHeader is a content header taken apart. Behind what cannot be read there is nothing.
type contentHeader struct {
	head   []byte // as far as the flags
	flags  uint16 // of what could be read
	before []byte // the properties before the headers
	table  []byte // the headers, without their length
	after  []byte // the properties behind the headers
	broken bool   // something could not be read
}

// splitContentHeader takes apart the payload of a content header's frame, of at least contentHead
// bytes.
func splitContentHeader(payload []byte) contentHeader {
	h := contentHeader{head: payload[:contentHead-2], flags: binary.BigEndian.Uint16(payload[contentHead-2:])}
	rest := payload[contentHead:]
	part, used := &h.before, 0
	for _, p := range properties {
		if p.flag == flagHeaders {
			h.before, rest = rest[:used], rest[used:]
			part, used = &h.after, 0
		}
		if h.flags&p.flag == 0 {
			continue
		}
		n, ok := p.length(rest[used:])
		if !ok {
			h.flags &^= p.flag<<1 - 1 // this one and all that follow
			h.broken = true
			break
		}
		if p.flag == flagHeaders {
			h.table, rest = rest[4:n], rest[n:]
			continue
		}
		used += n
	}
	*part = rest[:used]
	return h
}

// headersAt returns where the table of headers begins, behind its length, 0 where there is none. The
// properties before it must be whole.
func headersAt(payload []byte) int {
	if binary.BigEndian.Uint16(payload[contentHead-2:])&flagHeaders == 0 {
		return 0
	}
	return contentHead + len(splitContentHeader(payload).before) + 4
}

// errMalformedProperties is why the library cannot read a content header.
var errMalformedProperties = errors.New("the properties are malformed")

// checkContentHeader says why the library cannot read a content header. One that lacks even the
// flags passes: there is nothing to keep of it.
func checkContentHeader(payload []byte) error {
	if len(payload) < contentHead {
		return nil
	}
	h := splitContentHeader(payload)
	if h.broken {
		return errMalformedProperties
	}
	return checkTable(h.table, 0)
}

// unreadableMark is the name of the only header of a message whose headers cannot be read; its value
// says why. No producer can know it.
var unreadableMark = "warren-unreadable-" + rand.Text()

// markedHeader returns a content header's frame with the mark in place of the headers. start is the
// frame's type and channel, payload of at least contentHead bytes.
func markedHeader(start, payload []byte, why error) []byte {
	h := splitContentHeader(payload)
	text := why.Error()
	table := append([]byte{byte(len(unreadableMark))}, unreadableMark...)
	table = append(table, 'S')
	table = binary.BigEndian.AppendUint32(table, uint32(len(text)))
	table = append(table, text...)

	size := contentHead + len(h.before) + 4 + len(table) + len(h.after)
	frame := make([]byte, 0, frameEnvelope+size)
	frame = append(frame, start...)
	frame = binary.BigEndian.AppendUint32(frame, uint32(size))
	frame = append(frame, h.head...)
	frame = binary.BigEndian.AppendUint16(frame, h.flags|flagHeaders)
	frame = append(frame, h.before...)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(table)))
	frame = append(frame, table...)
	frame = append(frame, h.after...)
	return append(frame, frameEnd)
}
