package guard

import (
	"regexp"
	"strconv"
	"strings"
)

// The bounds of a path's text.
const (
	// MaxPathBytes bounds the text of a path; what is cut from a longer one is its beginning.
	MaxPathBytes = 200
	// maxNameBytes bounds each name in it.
	maxNameBytes = 60
)

// path is a place in a JSON document: what is open there, the outermost first.
type path []step

// step is one object or array.
type step struct {
	array bool
	index int    // of the value that comes next or is open, in an array
	name  string // of it, in an object
	named bool   // the name has been read, and its value has not
}

// wantsName reports whether what comes next is a name.
func (p path) wantsName() bool {
	return len(p) > 0 && !p[len(p)-1].array && !p[len(p)-1].named
}

// named notes the name of the value that comes next.
func (p path) named(name string) {
	p[len(p)-1].name, p[len(p)-1].named = name, true
}

// passed notes that a value has ended.
func (p path) passed() {
	if len(p) == 0 {
		return
	}
	if last := &p[len(p)-1]; last.array {
		last.index++
	} else {
		last.named = false
	}
}

var plainName = regexp.MustCompile(`^[\pL_][\pL\pN_-]*$`)

// String returns the path as in `user.tokens[3].secret`, with names in quotes that would not be clear
// without, in at most MaxPathBytes bytes.
func (p path) String() string {
	var texts []string // the innermost first
	size := 0
	for i := len(p) - 1; i >= 0; i-- {
		text := p[i].String()
		if !p[i].array && i > 0 {
			text = "." + text
		}
		if size += len(text); size > MaxPathBytes-len("…") {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, text)
	}
	var b strings.Builder
	for i := len(texts) - 1; i >= 0; i-- {
		b.WriteString(texts[i])
	}
	return b.String()
}

func (s step) String() string {
	if s.array {
		return "[" + strconv.Itoa(s.index) + "]"
	}
	name := s.name
	if len(name) > maxNameBytes {
		name = strings.ToValidUTF8(name[:maxNameBytes], "") + "…"
	}
	if plainName.MatchString(s.name) {
		return name
	}
	quoted := strconv.QuoteToASCII(name)
	if len(quoted) > 2*maxNameBytes { // of escapes
		return `"…"`
	}
	return quoted
}
