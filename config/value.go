package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// value is a value in the file. Its methods report what is wrong with it as a problem of the file
// and then leave their target as it is, so that the reading goes on.
type value struct {
	in   *reading
	path string
	line int
	node *yaml.Node
}

func (r *reading) value(path string, line int, node *yaml.Node) value {
	v := value{in: r, path: path, line: line, node: node}
	if v.node.Kind == yaml.AliasNode {
		v.node = v.node.Alias
	}
	return v
}

func (v value) fail(format string, args ...any) { v.failWith(fmt.Errorf(format, args...)) }

func (v value) failWith(err error) { v.in.fail(v.line, v.path, err) }

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// child is the value of a key. Its line is the key's.
func (v value) child(key string, line int, node *yaml.Node) value {
	if !plainKey.MatchString(key) {
		key = strconv.Quote(key)
	}
	if v.path != "" {
		key = v.path + "." + key
	}
	return v.in.value(key, line, node)
}

// null reports whether the value is null or was left empty.
func (v value) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!null" }

// entries calls f for each key of a mapping, in order. An empty value is a mapping without keys.
// It returns false where the value is no mapping.
func (v value) entries(f func(key string, v value)) bool {
	if v.null() {
		return true
	}
	if v.node.Kind != yaml.MappingNode {
		v.fail("a mapping is wanted, not %s", v.kind())
		return false
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := v.in.value(v.path, v.node.Content[i].Line, v.node.Content[i])
		switch {
		case key.node.Kind != yaml.ScalarNode || key.null():
			key.fail("a key must be a text, not %s%s", key.kind(), unquotedTemplate(key))
			continue
		case key.node.ShortTag() == "!!merge":
			key.fail("merge keys (<<) are not supported")
			continue
		}
		name := key.node.Value
		child := v.child(name, key.line, v.node.Content[i+1])
		if first, twice := lines[name]; twice {
			child.fail("given twice, first on line %d", first)
			continue
		}
		lines[name] = key.line
		f(name, child)
	}
	return true
}

// unquotedTemplate explains a key that is a mapping: {{ .Entry }} is one in YAML.
func unquotedTemplate(key value) string {
	if key.node.Kind == yaml.MappingNode {
		return "; a text that begins with {{ is written in quotes"
	}
	return ""
}

// fields reads a mapping whose keys are known, each by its own function. It returns false where
// the value is no mapping.
func (v value) fields(known map[string]func(value)) bool {
	return v.entries(func(key string, v value) {
		read, ok := known[key]
		if !ok {
			v.fail("unknown field; known are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			return
		}
		read(v)
	})
}

// list calls f for each item of a list. An empty value is a list without items. It returns false
// where the value is no list.
func (v value) list(f func(item value)) bool {
	if v.null() {
		return true
	}
	if v.node.Kind != yaml.SequenceNode {
		v.fail("a list is wanted, not %s", v.kind())
		return false
	}
	for i := range v.node.Content {
		f(v.item(i))
	}
	return true
}

func (v value) item(i int) value {
	node := v.node.Content[i]
	return v.in.value(fmt.Sprintf("%s[%d]", v.path, i), node.Line, node)
}

// scalar is a text, number or the like, with its variables expanded.
type scalar struct {
	text string
	tag  string // YAML's short tag, such as !!int
}

// decode reads the scalar as YAML does.
func (s scalar) decode(to any) error {
	return (&yaml.Node{Kind: yaml.ScalarNode, Tag: s.tag, Value: s.text}).Decode(to)
}

// scalar returns the value as a scalar that is wanted as something, such as "a text"; null is not
// one. The second result is false where it is not one.
func (v value) scalar(wanted string) (scalar, bool) {
	if v.node.Kind != yaml.ScalarNode {
		v.fail("%s is wanted, not %s", wanted, v.kind())
		return scalar{}, false
	}
	s, err := v.expanded()
	switch {
	case err != nil:
		v.failWith(err)
		return scalar{}, false
	case s.tag == "!!null":
		v.fail("%s is wanted, not nothing", wanted)
		return scalar{}, false
	}
	return s, true
}

// expanded expands the variables in a scalar node. Where it is plain, neither quoted nor tagged,
// what it is shows only then.
func (v value) expanded() (scalar, error) {
	text, err := expand(v.node.Value, v.in.getenv)
	if err != nil {
		return scalar{}, err
	}
	if v.node.Style == 0 && text != v.node.Value {
		return scalar{text, (&yaml.Node{Kind: yaml.ScalarNode, Value: text}).ShortTag()}, nil
	}
	return scalar{text, v.node.ShortTag()}, nil
}

// text reads a text. Anything that is written as one value is a text here: a key may be 404, an
// argument true.
func (v value) text(to *string) bool {
	s, ok := v.scalar("a text")
	if !ok {
		return false
	}
	switch s.tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!merge":
		*to = s.text
		return true
	default:
		v.fail("a text is wanted, not %s", describe(s))
		return false
	}
}

// boolean reads true or false.
func (v value) boolean(to *bool) {
	s, ok := v.scalar("true or false")
	if ok && (s.tag != "!!bool" || s.decode(to) != nil) {
		v.fail("true or false is wanted, not %s", describe(s))
	}
}

// integer reads a whole number within bounds.
func (v value) integer(to *int, low, high int) bool {
	wanted := fmt.Sprintf("a whole number within %d..%d", low, high)
	s, ok := v.scalar(wanted)
	if !ok {
		return false
	}
	if s.tag != "!!int" {
		v.fail("%s is wanted, not %s", wanted, describe(s))
		return false
	}
	var n int
	if err := s.decode(&n); err != nil || n < low || n > high {
		v.fail("%s is not within %d..%d", s.text, low, high)
		return false
	}
	*to = n
	return true
}

// number reads a number within bounds.
func (v value) number(to *float64, low, high float64) bool {
	wanted := fmt.Sprintf("a number within %g..%g", low, high)
	s, ok := v.scalar(wanted)
	if !ok {
		return false
	}
	var n float64
	if s.tag != "!!int" && s.tag != "!!float" || s.decode(&n) != nil {
		v.fail("%s is wanted, not %s", wanted, describe(s))
		return false
	}
	if !(n >= low && n <= high) { // NaN is not
		v.fail("%s is not within %g..%g", s.text, low, high)
		return false
	}
	*to = n
	return true
}

// duration reads a duration within bounds.
func (v value) duration(to *time.Duration, low, high time.Duration) bool {
	s, ok := v.scalar("a duration, such as 30s, 5m or 7d,")
	if !ok {
		return false
	}
	d, err := ParseDuration(s.text)
	if err != nil {
		v.failWith(err)
		return false
	}
	if d < low || d > high {
		v.fail("%s is not within %s..%s", s.text, low, high)
		return false
	}
	*to = d
	return true
}

// kind says what the value is, for a message.
func (v value) kind() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return describe(scalar{v.node.Value, v.node.ShortTag()})
	}
}

func describe(s scalar) string {
	switch s.tag {
	case "!!str", "!!merge":
		return "a text"
	case "!!int", "!!float":
		return "the number " + s.text
	case "!!bool":
		return s.text
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	default:
		return "a value tagged " + s.tag
	}
}
