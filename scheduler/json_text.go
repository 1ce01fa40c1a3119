package scheduler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// plainKey is a key that stands in a path as it is; others are quoted.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// jsonLevel is an object or a list that the walk is in.
type jsonLevel struct {
	list  bool
	index int    // of the newest item of a list
	key   string // of the newest value of an object
	value bool   // in an object: a value comes next, not a key
}

// eachText calls f with each text of a valid JSON document that is not a key and is wanted: its path,
// such as .window.from or [0], itself, and where it stands, quotes and all.
func eachText(document []byte, wanted func(text string) bool, f func(path, text string, start, end int)) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var levels []jsonLevel
	for {
		before := int(decoder.InputOffset())
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			levels = levels[:len(levels)-1]
			continue
		}
		if len(levels) > 0 {
			in := &levels[len(levels)-1]
			if key, ok := token.(string); ok && !in.list && !in.value {
				in.key, in.value = key, true
				continue
			}
			in.index++
			in.value = false
		}
		switch token := token.(type) {
		case json.Delim:
			levels = append(levels, jsonLevel{list: token == '[', index: -1})
		case string:
			if wanted(token) {
				start := before + bytes.IndexByte(document[before:], '"')
				f(pathOf(levels), token, start, int(decoder.InputOffset()))
			}
		}
	}
}

// pathOf is the path of the newest value.
func pathOf(levels []jsonLevel) string {
	var path strings.Builder
	for _, in := range levels {
		switch {
		case in.list:
			fmt.Fprintf(&path, "[%d]", in.index)
		case plainKey.MatchString(in.key):
			path.WriteString("." + in.key)
		default:
			path.WriteString("." + strconv.Quote(in.key))
		}
	}
	return path.String()
}
