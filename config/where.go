package config

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Where returns the place of a field for people, such as "warren.yaml:12: queues.email.timeout". path
// are the keys that lead to it. A field that the file leaves to its default has the line of the nearest
// one around it, and without any such line, as of a configuration that was not read from a file, none is
// told.
func (c *Config) Where(path ...string) string {
	in := &reading{name: c.File}
	v, line := value{in: in}, 0
	if root := in.document(c.Text); root != nil {
		v = in.value("", 0, root)
	}
	for _, key := range path {
		node, at := v.entry(key)
		v = v.child(key, at, node)
		if at > 0 {
			line = at
		}
	}
	if line == 0 {
		return fmt.Sprintf("%s: %s", c.File, v.path)
	}
	return fmt.Sprintf("%s:%d: %s", c.File, line, v.path)
}

// entry returns the value of a key of a mapping and the key's line; an empty node and 0 where there is
// none.
func (v value) entry(key string) (*yaml.Node, int) {
	if v.node != nil && v.node.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			if v.node.Content[i].Value == key {
				return v.node.Content[i+1], v.node.Content[i].Line
			}
		}
	}
	return &yaml.Node{}, 0
}
