package scheduler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// plainKey is a key that stands in a path as it is; others are quoted.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// jsonLevel is an object or a list that the walk is in.
type jsonLevel struct {
	list  bool
	index int    // of the next item of a list
	path  string // of the whole
	key   string // of the value that comes, quoted where it needs be
	value bool   // in an object: a value comes next, not a key
}

// eachText calls f with each text of a valid JSON document that is not a key: its path, such as
// .window.from or [0], itself, and where it stands, quotes and all.
func eachText(document []byte, f func(path, text string, start, end int)) error {
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
		path := ""
		if len(levels) > 0 {
			in := &levels[len(levels)-1]
			if key, ok := token.(string); ok && !in.list && !in.value {
				if in.key = key; !plainKey.MatchString(key) {
					in.key = strconv.Quote(key)
				}
				in.value = true
				continue
			}
			path = in.next()
		}
		switch token := token.(type) {
		case json.Delim:
			levels = append(levels, jsonLevel{list: token == '[', path: path})
		case string:
			start := before + bytes.IndexByte(document[before:], '"')
			f(path, token, start, int(decoder.InputOffset()))
		}
	}
}

// next is the path of the value that comes, which is then counted.
func (l *jsonLevel) next() string {
	if l.list {
		l.index++
		return fmt.Sprintf("%s[%d]", l.path, l.index-1)
	}
	l.value = false
	return l.path + "." + l.key
}
