package deadletter

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Set is a value for one place of a JSON payload. Make one with [ParseSet].
type Set struct {
	path  path
	value []byte // JSON
}

// ParseSet reads path=value, path and value as [SetJSON] has them. What cannot be read is an error that is
// [ErrInvalidPath] or [ErrInvalidValue].
func ParseSet(text string) (Set, error) {
	p, rest, err := parsePath(text)
	if err != nil {
		return Set{}, err
	}
	value, found := strings.CutPrefix(rest, "=")
	if !found {
		return Set{}, fmt.Errorf("%w %.80q: path=value is wanted", ErrInvalidPath, text)
	}
	return newSet(p, value)
}

// newSet returns the set of a value at a path.
func newSet(p path, value string) (Set, error) {
	if !utf8.ValidString(value) {
		return Set{}, fmt.Errorf("%w of %s: %.40q is not UTF-8", ErrInvalidValue, p, value)
	}
	return Set{path: p, value: jsonValue(value)}, nil
}

// String returns the path.
func (s Set) String() string { return s.path.String() }

// SetJSON returns a JSON payload with another value at a path. All else stays byte for byte: numbers
// keep their digits, members their order, white space its place. The payload that is passed is not changed.
//
// A path is names with dots between them and indexes in brackets, as in user.tags[0]; a name that has a
// dot, a bracket, a quote or a `=` is written in quotes, as JSON has it: "odd.name".id. The value is JSON where
// it is valid JSON, else a text: 7 is a number, "7" and seven are texts, and so is nothing at all.
//
// A member that an object does not have is added at its end, and objects within it; of a name that an
// object has twice the last one counts, as most readers of JSON have it. The errors are [ErrInvalidPath],
// [ErrInvalidValue], [ErrNotJSON] and [ErrNoPath]: an index that an array does not have, a step into what
// is neither object nor array.
func SetJSON(payload []byte, path, value string) ([]byte, error) {
	p, rest, err := parsePath(path)
	if err == nil && rest != "" {
		err = fmt.Errorf("%w %.80q: a name with = in it is written in quotes", ErrInvalidPath, path)
	}
	if err != nil {
		return nil, err
	}
	set, err := newSet(p, value)
	if err != nil {
		return nil, err
	}
	return set.Apply(payload)
}

// Apply returns a payload with the value at its place, as [SetJSON] does.
func (s Set) Apply(payload []byte) ([]byte, error) {
	if err := json.Unmarshal(payload, new(json.RawMessage)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	d := document(payload)
	at := d.space(0)
	for i, step := range s.path {
		place, found, err := d.find(at, step)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: %s: %s %w", ErrNoPath, s.path[:i+1], cmp.Or(s.path[:i].String(), "the payload"), err)
		case !found:
			return s.add(d, place, i)
		}
		at = place.value
	}
	return splice(payload, at, d.end(at), s.value), nil
}

// add adds the member of step i, and what is below it, to its object.
func (s Set) add(d document, object place, i int) ([]byte, error) {
	value := s.value
	for j := len(s.path) - 1; j > i; j-- {
		if s.path[j].item {
			return nil, fmt.Errorf("%w: %s: there is no array to have an item", ErrNoPath, s.path[:j+1])
		}
		value = fmt.Appendf(nil, "{%s:%s}", quote(s.path[j].name), value)
	}
	member := quote(s.path[i].name)
	if !object.filled {
		return splice(d, object.after, object.after, fmt.Appendf(nil, "%s:%s", member, value)), nil
	}
	// As the last member is written: with its line break and indentation, and the space behind its colon.
	return splice(d, object.after, object.after, fmt.Appendf(nil, ",%s%s%s%s", object.before, member, object.colon, value)), nil
}

func splice(d []byte, from, to int, value []byte) []byte {
	return bytes.Join([][]byte{d[:from], value, d[to:]}, nil)
}

// jsonValue returns a value as JSON.
func jsonValue(text string) []byte {
	if json.Valid([]byte(text)) {
		return []byte(strings.TrimSpace(text))
	}
	return []byte(quote(text))
}

// quote returns a text as JSON, without the escapes that only HTML wants.
func quote(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text has no error
	return strings.TrimSuffix(b.String(), "\n")
}
