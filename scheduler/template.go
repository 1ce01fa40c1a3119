package scheduler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxTemplateBytes bounds a payload template, and what it is rendered to.
const MaxTemplateBytes = 1 << 20

// ErrInvalidTemplate is a payload template that cannot be used. The error that says so is a
// [*TemplateError].
var ErrInvalidTemplate = errors.New("invalid payload template")

// TemplateError tells which text of a payload template is wrong. It is [ErrInvalidTemplate].
type TemplateError struct {
	// Path is where in the payload, such as .window.from or [0]; empty for the whole.
	Path string
	Err  error
}

// Error names the path.
func (e *TemplateError) Error() string {
	return fmt.Sprintf("%v: payload%s: %v", ErrInvalidTemplate, e.Path, e.Err)
}

// Is reports whether target is [ErrInvalidTemplate].
func (e *TemplateError) Is(target error) bool { return target == ErrInvalidTemplate }

// Unwrap returns the cause.
func (e *TemplateError) Unwrap() error { return e.Err }

// Template is a JSON document whose texts tell of the tick that they are rendered for:
//
//	{"from": "{{ .Previous }}", "to": "{{ .ScheduledFor }}", "day": "{{ .ScheduledFor.Format \"2006-01-02\" }}"}
//
// The texts, but not the keys, are templates of text/template. What they may ask for:
//
//   - .ScheduledFor, the fire time in the entry's zone, and .Previous, the timetable's fire time
//     before it, whether that was emitted or not. Printed they are RFC 3339. They have Format (a
//     layout of package time), UTC, Add (a duration as Go writes it, such as "-24h"), AddDate (years,
//     months, days), Unix, UnixMilli, Year, Month, Day, Hour, Minute, Second, Weekday, Before, After
//     and Equal. Asking for .Previous is an error where there is none, as for an entry with At.
//   - .Entry, the entry's name, and .ID, the ID of the task.
//   - if, else and end; printf, eq, ne, lt, le, gt, ge, and, or and not.
//
// Nothing else of text/template is there: no loops, no variables and no templates within, so that
// rendering takes bounded time and memory. What is rendered is encoded anew, so that it stays within its text;
// all else of the document is kept byte for byte. A Template may be used by several goroutines.
type Template struct {
	source []byte
	parts  []templatePart
}

// templatePart is a piece of the document: a templated text, or where that is nil what is copied.
type templatePart struct {
	verbatim []byte
	text     *templateText
	path     string
}

// ParseTemplate reads a payload template, of at most MaxTemplateBytes. Its errors are
// [*TemplateError], those of several texts joined by errors.Join.
func ParseTemplate(payload []byte) (*Template, error) {
	switch {
	case len(payload) > MaxTemplateBytes:
		return nil, &TemplateError{"", fmt.Errorf("%d bytes, at most %d", len(payload), MaxTemplateBytes)}
	case !json.Valid(payload):
		return nil, &TemplateError{"", errors.New("it is not one JSON document")}
	}
	t := &Template{source: bytes.Clone(payload)}
	var problems []error
	copied := 0
	isTemplate := func(text string) bool { return strings.Contains(text, "{{") }
	err := eachText(t.source, isTemplate, func(path, text string, start, end int) {
		parsed, err := parseTemplateText(text)
		if err != nil {
			problems = append(problems, &TemplateError{path, err})
			return
		}
		t.parts = append(t.parts, templatePart{verbatim: t.source[copied:start]}, templatePart{text: parsed, path: path})
		copied = end
	})
	if err != nil {
		return nil, &TemplateError{"", err}
	}
	t.parts = append(t.parts, templatePart{verbatim: t.source[copied:]})
	return t, errors.Join(problems...)
}

// String returns the template as it was given.
func (t *Template) String() string { return string(t.source) }

// Source returns the template as it was given; it is not to be changed. It is JSON with the same keys as all
// that is rendered from it.
func (t *Template) Source() []byte { return t.source }

// render returns the payload for a tick, of at most MaxTemplateBytes.
func (t *Template) render(of tick) ([]byte, error) {
	return t.write(func(text *templateText, limit int) (string, error) { return text.render(of, limit) })
}

// check renders for a tick what is in either branch of every if, so that what can be wrong with
// other ticks shows with this one.
func (t *Template) check(of tick) error {
	_, err := t.write(func(text *templateText, limit int) (string, error) {
		if _, err := text.renderAll(of, limit); err != nil {
			return "", err
		}
		return text.render(of, limit)
	})
	return err
}

func (t *Template) write(render func(text *templateText, limit int) (string, error)) ([]byte, error) {
	var out bytes.Buffer
	for _, part := range t.parts {
		if part.text == nil {
			out.Write(part.verbatim)
		} else {
			text, err := render(part.text, MaxTemplateBytes)
			if err != nil {
				return nil, &TemplateError{part.path, err}
			}
			encoder := json.NewEncoder(&out)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(text); err != nil {
				return nil, &TemplateError{part.path, err}
			}
			out.Truncate(out.Len() - 1) // the line feed that ends it
		}
		if out.Len() > MaxTemplateBytes {
			return nil, &TemplateError{part.path, fmt.Errorf("the rendered payload is more than %d bytes", MaxTemplateBytes)}
		}
	}
	return out.Bytes(), nil
}
