package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// reading is one file being read; its problems are collected here.
type reading struct {
	name     string
	getenv   func(string) (string, bool)
	problems []*FieldError
}

func (r *reading) fail(line int, field string, err error) {
	r.problems = append(r.problems, &FieldError{File: r.name, Line: line, Field: field, err: err})
}

// document returns the root of the one YAML document in the data, nil where there is none or it
// cannot be parsed.
func (r *reading) document(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	first, err := decode(decoder)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		r.failSyntax(err)
		return nil
	}
	switch second, err := decode(decoder); {
	case errors.Is(err, io.EOF):
		return first.Content[0]
	case err != nil:
		r.failSyntax(err)
	default:
		r.fail(second.Line, "", errors.New("a second YAML document; one is wanted"))
	}
	return nil
}

// decode returns the next document. The parser panics where it finds itself in the wrong.
func decode(decoder *yaml.Decoder) (node *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	node = new(yaml.Node)
	err = decoder.Decode(node)
	return node, err
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// failSyntax reports an error of the YAML parser, which carries its line in its text.
func (r *reading) failSyntax(err error) {
	text, line := err.Error(), 0
	if match := yamlError.FindStringSubmatch(text); match != nil {
		line, _ = strconv.Atoi(match[1]) // not there: 0
		text = text[len(match[0]):]
	}
	r.fail(line, "", fmt.Errorf("not YAML: %s", text))
}

// err returns the problems that were found, in the order of the file.
func (r *reading) err() error {
	slices.SortStableFunc(r.problems, func(a, b *FieldError) int { return cmp.Compare(a.Line, b.Line) })
	problems := make([]error, len(r.problems))
	for i, p := range r.problems {
		problems[i] = p
	}
	return errors.Join(problems...)
}
