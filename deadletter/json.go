package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// document is valid JSON in which places are found. An offset within it is that of a value's first byte,
// unless it is said otherwise.
type document []byte

// place is where a member or an item is or, of a member that is not there, where it would be.
type place struct {
	value int // where its value begins

	// Of a member that is not there: after is behind the last member, or behind the brace where there
	// is none; filled says that there is one, before is the white space before its name, and colon
	// what stands between its name and its value.
	after         int
	filled        bool
	before, colon []byte
}

// find finds the member or the item of the value at an offset. Found is false for a member that an object
// does not have. The error goes on after the name of the value.
func (d document) find(at int, s step) (p place, found bool, err error) {
	switch {
	case s.item && d[at] == '[':
		return d.item(at, s.index)
	case s.item:
		return place{}, false, fmt.Errorf("is %s, which has no items", d.kind(at))
	case d[at] == '{':
		p, found = d.member(at, s.name)
		return p, found, nil
	default:
		return place{}, false, fmt.Errorf("is %s, which has no members", d.kind(at))
	}
}

// item finds an item of the array at an offset.
func (d document) item(at, index int) (place, bool, error) {
	count := 0
	for at = d.space(at + 1); d[at] != ']'; count++ {
		if count == index {
			return place{value: at}, true, nil
		}
		if at = d.space(d.end(at)); d[at] == ',' {
			at = d.space(at + 1)
		}
	}
	return place{}, false, fmt.Errorf("has %d items, and the first is [0]", count)
}

// member finds the last member with a name of the object at an offset.
func (d document) member(at int, name string) (p place, found bool) {
	p.after = at + 1
	opened := at + 1 // behind the brace or the comma before a name
	for at = d.space(opened); d[at] != '}'; at = d.space(at) {
		if d[at] == ',' {
			opened = at + 1
			at = d.space(opened)
		}
		before, end := d[opened:at], stringEnd(d, at)
		value := d.space(d.space(end) + 1) // behind the colon
		if d.names(at, end, name) {
			p.value, found = value, true
		}
		p.filled, p.before, p.colon = true, before, d[end:value]
		p.after = d.end(value)
		at = p.after
	}
	return p, found
}

// names reports whether the text between two offsets is a name.
func (d document) names(from, to int, name string) bool {
	raw := d[from+1 : to-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == name
	}
	var text string
	return json.Unmarshal(d[from:to], &text) == nil && text == name
}

// space returns the offset of the first byte at or behind an offset that is no white space.
func (d document) space(at int) int {
	for at < len(d) && (d[at] == ' ' || d[at] == '\t' || d[at] == '\n' || d[at] == '\r') {
		at++
	}
	return at
}

// end returns the offset behind the value at an offset.
func (d document) end(at int) int {
	switch d[at] {
	case '"':
		return stringEnd(d, at)
	case '{', '[':
		return d.closed(at)
	}
	for at < len(d) && strings.IndexByte(",]} \t\r\n", d[at]) < 0 {
		at++
	}
	return at
}

// closed returns the offset behind the object or the array at an offset.
func (d document) closed(at int) int {
	for depth := 0; ; {
		switch d[at] {
		case '"':
			at = stringEnd(d, at)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if at++; depth == 0 {
			return at
		}
	}
}

// kind says what the value at an offset is.
func (d document) kind(at int) string {
	switch d[at] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// stringEnd returns the offset behind the text in quotes that begins at an offset; beyond the end where
// it does not close.
func stringEnd(d []byte, at int) int {
	for at++; at < len(d); at++ {
		switch d[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(d) + 1
}
