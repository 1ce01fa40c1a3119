package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The errors of editing a payload, for errors.Is.
var (
	// ErrInvalidPath is a path that cannot be read.
	ErrInvalidPath = errors.New("invalid path")
	// ErrInvalidValue is a value that is not UTF-8, and so cannot be JSON.
	ErrInvalidValue = errors.New("invalid value")
	// ErrNoPath is a path that leads nowhere in a payload.
	ErrNoPath = errors.New("no such path")
	// ErrNotJSON is a payload that is not JSON.
	ErrNotJSON = errors.New("the payload is not JSON")
)

// step is one step into a JSON document: into a member of an object, or an item of an array.
type step struct {
	name  string
	index int // where isIndex
	item  bool
}

// path is a place in a JSON document.
type path []step

// parsePath reads a path, as [SetJSON] has it, from the beginning of a text up to its end or a `=`,
// and returns what follows.
func parsePath(text string) (path, string, error) {
	var p path
	rest := text
	for wantsName := true; ; wantsName = false {
		var s step
		var err error
		switch {
		case strings.HasPrefix(rest, "["):
			s, rest, err = parseIndex(rest)
		case wantsName:
			s, rest, err = parseName(rest)
		case strings.HasPrefix(rest, "."):
			s, rest, err = parseName(rest[1:])
		case rest == "" || rest[0] == '=':
			return p, rest, nil
		default:
			err = fmt.Errorf("a dot, [ or the end is wanted before %.40q", rest)
		}
		if err != nil {
			return nil, "", fmt.Errorf("%w %.80q: %w", ErrInvalidPath, text, err)
		}
		p = append(p, s)
	}
}

// parseIndex reads [3].
func parseIndex(text string) (step, string, error) {
	digits, rest, closed := strings.Cut(text[1:], "]")
	index, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !closed {
		return step{}, "", fmt.Errorf("%.40q does not begin with an index, such as [3]", text)
	}
	return step{index: int(index), item: true}, rest, nil
}

// parseName reads a name, in quotes where it has a dot, a bracket, a quote or a `=`.
func parseName(text string) (step, string, error) {
	if strings.HasPrefix(text, `"`) {
		end := stringEnd([]byte(text), 0)
		var name string
		if end > len(text) || json.Unmarshal([]byte(text[:end]), &name) != nil {
			return step{}, "", fmt.Errorf("%.40q is not a name in quotes, as JSON has it", text)
		}
		return step{name: name}, text[end:], nil
	}
	end := strings.IndexAny(text, `.[]="`)
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return step{}, "", fmt.Errorf("a name is missing before %.40q", text)
	}
	if !utf8.ValidString(text[:end]) {
		return step{}, "", fmt.Errorf("%.40q is not UTF-8", text[:end])
	}
	return step{name: text[:end]}, text[end:], nil
}

// String returns the path as it is written.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.item:
			fmt.Fprintf(&b, "[%d]", s.index)
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if s.name == "" || strings.ContainsAny(s.name, `.[]="`) {
			b.WriteString(quote(s.name))
		} else {
			b.WriteString(s.name)
		}
	}
	return b.String()
}
