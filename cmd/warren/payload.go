package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"strings"
)

// payload reads --data. What is said to be JSON must be.
func (c *cli) payload(data, contentType string, given bool) ([]byte, error) {
	isJSON := isJSON(contentType)
	if !given {
		if isJSON {
			return []byte("{}"), nil
		}
		return nil, nil
	}
	payload, source := []byte(data), "--data"
	var err error
	switch path, isFile := strings.CutPrefix(data, "@"); {
	case data == "-":
		source = "stdin"
		payload, err = io.ReadAll(c.stdin)
	case isFile:
		source = path
		payload, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, usagef("--data: %w", err)
	}
	if isJSON {
		if err := checkJSON(source, payload); err != nil {
			return nil, err
		}
	}
	return payload, nil
}

// isJSON reports whether a content type is JSON or in its syntax.
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// checkJSON returns an error that names the place where a payload stops being JSON.
func checkJSON(source string, payload []byte) error {
	if err := notJSON(source, payload); err != nil {
		return usagef("%w; for another payload give its --content-type", err)
	}
	return nil
}

// notJSON names the place where a payload stops being JSON, nil where it is.
func notJSON(source string, payload []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(payload, new(json.RawMessage)); !errors.As(err, &syntax) {
		return nil
	}
	before := payload[:max(0, min(int(syntax.Offset)-1, len(payload)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Errorf("%s:%d:%d: not JSON: %w", source, line, column, syntax)
}
