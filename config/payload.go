package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"go.yaml.in/yaml/v3"
)

// The bounds of a schedule's payload. YAML aliases can make a small file an endless value.
const (
	MaxPayloadBytes = 1 << 20
	MaxPayloadDepth = 100
)

// json returns the value as JSON: mappings as objects, with their keys in order, dates as the
// texts that they were written as. It returns nil where it cannot be.
func (v value) json() []byte {
	var out bytes.Buffer
	if !v.writeJSON(&out, 0) {
		return nil
	}
	return out.Bytes()
}

// writeJSON reports whether it could write the whole value; else it has said what is wrong.
func (v value) writeJSON(out *bytes.Buffer, depth int) bool {
	ok := true
	next := func(v value) {
		if ok = v.writeJSON(out, depth+1); ok && out.Len() > MaxPayloadBytes {
			v.fail("a payload of more than %d bytes of JSON", MaxPayloadBytes)
			ok = false
		}
	}
	switch {
	case depth > MaxPayloadDepth:
		v.fail("a payload nested more than %d deep", MaxPayloadDepth)
		return false
	case v.node.Kind == yaml.MappingNode:
		separator := "{"
		v.entries(func(key string, v value) {
			if ok {
				out.WriteString(separator)
				writeText(out, key)
				out.WriteByte(':')
				next(v)
				separator = ","
			}
		})
		if separator == "{" {
			out.WriteByte('{')
		}
		out.WriteByte('}')
	case v.node.Kind == yaml.SequenceNode:
		separator := "["
		v.list(func(v value) {
			if ok {
				out.WriteString(separator)
				next(v)
				separator = ","
			}
		})
		if separator == "[" {
			out.WriteByte('[')
		}
		out.WriteByte(']')
	default:
		return v.writeScalar(out)
	}
	return ok
}

func (v value) writeScalar(out *bytes.Buffer) bool {
	s, err := v.expanded()
	if err == nil {
		err = s.writeJSON(out)
	}
	if err != nil {
		v.failWith(err)
		return false
	}
	return true
}

func (s scalar) writeJSON(out *bytes.Buffer) error {
	var decoded any
	switch s.tag {
	case "!!str", "!!timestamp", "!!merge":
		writeText(out, s.text)
		return nil
	case "!!null":
		out.WriteString("null")
		return nil
	case "!!bool", "!!int", "!!float":
		if s.decode(&decoded) != nil {
			return fmt.Errorf("%.40q is not %s", s.text, s.tag)
		}
	default:
		return fmt.Errorf("%s cannot be JSON", describe(s))
	}
	if f, ok := decoded.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return fmt.Errorf("JSON has no number %s", s.text)
	}
	text, err := json.Marshal(decoded)
	if err != nil {
		return err
	}
	out.Write(text)
	return nil
}

// writeText writes a text as JSON with `<`, `>` and `&` as they are.
func writeText(out *bytes.Buffer, text string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text)    // a text into memory cannot fail
	out.Truncate(out.Len() - 1) // the line feed that ends it
}
