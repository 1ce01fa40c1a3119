package guard

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// MaxDepth bounds the objects and arrays within each other that are looked through; encoding/json
// reads ten times that.
const MaxDepth = 1000

// DefaultFields returns the names that are looked for where no others are given.
func DefaultFields() []string {
	return []string{
		"password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token", "refresh_token",
		"id_token", "api_key", "access_key", "secret_key", "private_key", "credential", "credentials", "authorization",
	}
}

// Checker looks for credentials in payloads. It is safe for use by any number of goroutines. Make
// one with [NewChecker].
type Checker struct{ names map[string]bool }

// NewChecker returns a checker that looks for fields of these names, DefaultFields where there is
// none. Case, `_` and `-` make no difference: api_key is apiKey, Api-Key and APIKEY too. Names are
// compared whole: token is not tokens. A name of nothing but `_` and `-` is none.
func NewChecker(fields ...string) *Checker {
	if len(fields) == 0 {
		fields = DefaultFields()
	}
	c := &Checker{names: make(map[string]bool, len(fields))}
	for _, name := range fields {
		if name = normal(name); name != "" {
			c.names[name] = true
		}
	}
	return c
}

var ignored = strings.NewReplacer("_", "", "-", "")

// normal returns a name in the form in which names are compared.
func normal(name string) string { return ignored.Replace(strings.ToLower(name)) }

// Check returns an error where the payload of a task has a field that is named like a credential and
// holds something: a [*FieldError] for the first one, or [ErrTooDeep].
//
// It looks into JSON, one value or several after each other, however they are nested, by the content
// type of the task: application/json (an absent one too), text/json, application/x-ndjson,
// application/jsonl and whatever ends in +json. It does not look into other content, nor into what is
// encoded (compressed, say). What is not JSON at all is not its affair: it is looked through as far
// as it is.
//
// null, "", true, false, {} and [] hold no credential, whatever the field is called; a number may.
func (c *Checker) Check(t *tasks.Task) error {
	if t.ContentEncoding != "" || !isJSON(t.ContentType) {
		return nil
	}
	payload := bytes.TrimPrefix(t.Payload, []byte("\uFEFF")) // which some readers of JSON skip
	s := search{checker: c, decoder: json.NewDecoder(bytes.NewReader(payload))}
	s.decoder.UseNumber() // a number that is too large is one all the same
	for {
		token, err := s.decoder.Token()
		if err != nil {
			return nil // the end, or no JSON from here on
		}
		if err := s.next(token); err != nil {
			return err
		}
	}
}

func isJSON(contentType string) bool {
	if contentType == "" {
		contentType = tasks.DefaultContentType
	}
	kind, _, _ := strings.Cut(contentType, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); kind {
	case "application/json", "text/json", "application/x-ndjson", "application/jsonl":
		return true
	default:
		return strings.HasSuffix(kind, "+json")
	}
}

// search is one look through a payload, token by token.
type search struct {
	checker *Checker
	decoder *json.Decoder
	path    path
	// suspect says that the value that comes next has a name that is looked for, and opened that the
	// token before opened it: what it holds is seen by the next one.
	suspect, opened bool
}

// next takes the next token.
func (s *search) next(token json.Token) error {
	delim, isDelim := token.(json.Delim)
	closing := isDelim && (delim == '}' || delim == ']')
	if s.opened { // within a suspect that is an object or an array
		if !closing {
			return &FieldError{Path: s.path[:len(s.path)-1].String()}
		}
		s.suspect, s.opened = false, false
	}
	switch {
	case closing:
		s.path = s.path[:len(s.path)-1]
		s.path.passed()
	case isDelim:
		if len(s.path) == MaxDepth {
			return ErrTooDeep
		}
		s.opened = s.suspect
		s.path = append(s.path, step{array: delim == '['})
	case s.path.wantsName():
		name, _ := token.(string) // a decoder takes nothing else for a name
		s.path.named(name)
		s.suspect = s.checker.names[normal(name)]
	default:
		if s.suspect && holdsSomething(token) {
			return &FieldError{Path: s.path.String()}
		}
		s.suspect = false
		s.path.passed()
	}
	return nil
}

// holdsSomething reports whether a value that is neither object nor array could be a credential.
func holdsSomething(token json.Token) bool {
	switch v := token.(type) {
	case nil, bool:
		return false
	case string:
		return v != ""
	default:
		return true
	}
}
