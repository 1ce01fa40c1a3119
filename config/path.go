package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// find returns the value at a path below the value, such as .window.from or [0], as far as there is
// one.
func (v value) find(path string) value {
	target := v.path + path
	for {
		inner, found := v.towards(target)
		if !found {
			return v
		}
		v = inner
	}
}

// towards returns the item or the value of the key that leads to a path.
func (v value) towards(target string) (inner value, found bool) {
	leads := func(v value) bool {
		rest, ok := strings.CutPrefix(target, v.path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	switch v.node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			key := v.in.value(v.path, v.node.Content[i].Line, v.node.Content[i])
			if inner = v.child(key.node.Value, key.line, v.node.Content[i+1]); leads(inner) {
				return inner, true
			}
		}
	case yaml.SequenceNode:
		for i := range v.node.Content {
			if inner = v.item(i); leads(inner) {
				return inner, true
			}
		}
	}
	return value{}, false
}
