package guard

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

const hidden = "hunter2"

func check(c *Checker, contentType, payload string) error {
	return c.Check(&tasks.Task{Key: "a.b", ContentType: contentType, Payload: []byte(payload)})
}

func TestCheckFinds(t *testing.T) {
	deep := strings.Repeat(`{"levels_of_a_name_that_is_not_so_short":`, 20) + `{"secret":"hunter2"}` + strings.Repeat("}", 20)
	for name, test := range map[string]struct{ payload, path string }{
		"a field":                 {`{"password": "hunter2"}`, "password"},
		"within":                  {`{"user": {"tokens": [1, [], {"a": {}}, {"name": "x", "secret": "hunter2"}]}}`, "user.tokens[3].secret"},
		"in another case":         {`{"apiKey": "hunter2"}`, "apiKey"},
		"with dashes":             {`{"API-KEY": "hunter2"}`, "API-KEY"},
		"escaped":                 {`{"pass\u0077ord": "hunter2"}`, "password"},
		"a number":                {`[{"token": 0}]`, "[0].token"},
		"a large number":          {`{"n": 1e999, "token": 1e999}`, "token"},
		"an object":               {`{"credentials": {"user": null}}`, "credentials"},
		"an array":                {`{"secret": [null]}`, "secret"},
		"an array within one":     {`{"secret": [[]]}`, "secret"},
		"the second of two":       {`{"token": null, "token": "hunter2"}`, "token"},
		"after empty ones":        {`{"token": {}, "secret": [], "a": [0, {"password": "hunter2"}]}`, "a[1].password"},
		"in a later value":        {"{\"a\": 1}\n{\"password\": \"hunter2\"}", "password"},
		"after a byte order mark": {"\uFEFF" + `{"password": "hunter2"}`, "password"},
		"before JSON ends":        {`{"password": "hunter2", oops`, "password"},
		"with a strange name":     {`{"a b\n": {"é": {"": {"token": "hunter2"}}}}`, `"a b\n".é."".token`},
		"with a long name":        {`{"` + strings.Repeat("n", 100) + `": {"token": "hunter2"}}`, strings.Repeat("n", 60) + "….token"},
		"far within":              {deep, "…" + strings.Repeat(".levels_of_a_name_that_is_not_so_short", 5) + ".secret"},
	} {
		t.Run(name, func(t *testing.T) {
			err := check(NewChecker(), "application/json", test.payload)
			require.ErrorIs(t, err, ErrCredential)
			require.ErrorIs(t, err, tasks.ErrInvalidTask, "no retry can mend it")
			var field *FieldError
			require.ErrorAs(t, err, &field)
			assert.Equal(t, test.path, field.Path)
			assert.LessOrEqual(t, len(field.Path), MaxPathBytes)
			assert.Contains(t, err.Error(), test.path)
			assert.NotContains(t, err.Error(), hidden)
		})
	}
}

func TestCheckPasses(t *testing.T) {
	for name, payload := range map[string]string{
		"nothing":           ``,
		"other names":       `{"tokens": 3, "user": "password", "passwordless": "x", "list": ["secret", "token"]}`,
		"values of nothing": `{"password": null, "token": "", "secret": {}, "api_key": [], "credential": false, "authorization": true}`,
		"texts":             `"password"`,
		"what is no JSON":   `password=hunter2`,
		"half of it":        `{"password"`,
		"a broken field":    `{"password": oops}`,
		"closed too often":  `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			assert.NoError(t, check(NewChecker(), "", payload))
		})
	}
}

func TestCheckByContentType(t *testing.T) {
	const payload = `{"password": "hunter2"}`
	c := NewChecker()
	for _, kind := range []string{
		"", "application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json", "application/x-ndjson",
		"application/jsonl", "text/json", "application/json; charset", " application/json ",
	} {
		assert.ErrorIs(t, check(c, kind, payload), ErrCredential, kind)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/octet-stream", "json", ";"} {
		assert.NoError(t, check(c, kind, payload), kind)
	}
	assert.NoError(t, c.Check(&tasks.Task{Payload: []byte(payload), ContentEncoding: "gzip"}))
}

func TestCheckDepth(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat(`[`, depth-1) + `{"token": 1}` }
	assert.ErrorIs(t, check(NewChecker(), "", nested(MaxDepth)), ErrCredential)
	err := check(NewChecker(), "", nested(MaxDepth+1))
	assert.ErrorIs(t, err, ErrTooDeep)
	assert.ErrorIs(t, err, tasks.ErrInvalidTask)
	assert.NotErrorIs(t, err, ErrCredential)
}

func TestCheckerFields(t *testing.T) {
	c := NewChecker("Card_Number", "_-", "")
	assert.ErrorIs(t, check(c, "", `{"cardNumber": 4242}`), ErrCredential)
	assert.NoError(t, check(c, "", `{"password": "hunter2", "": "x", "-": "x"}`), "others were given")
	for _, name := range DefaultFields() {
		payload, err := json.Marshal(map[string]string{name: hidden})
		require.NoError(t, err)
		assert.ErrorIs(t, check(NewChecker(), "", string(payload)), ErrCredential)
	}
}

// Whatever JSON there is, the checker says what a walk through the whole value says.
func TestCheckAgreesWithAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := anyValue(4).Draw(t, "value")
		payload, err := json.Marshal(value)
		require.NoError(t, err)
		err = check(NewChecker("token"), "application/json", string(payload))
		assert.Equal(t, walk(value), err != nil, "%s: %v", payload, err)
	})
}

func anyValue(depth int) *rapid.Generator[any] {
	scalars := rapid.SampledFrom([]any{nil, true, "", "x", 1.5, map[string]any{}, []any{}})
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(
		scalars,
		rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 3), func(v []any) any { return v }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "token", "To-Ken", "b"}), anyValue(depth-1), 0, 3),
			func(v map[string]any) any { return v }),
	)
}

// walk reports whether a value has a field called token that holds something.
func walk(value any) bool {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if walk(item) {
				return true
			}
		}
	case map[string]any:
		for name, item := range v {
			if normal(name) == "token" && filled(item) || walk(item) {
				return true
			}
		}
	}
	return false
}

func filled(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return holdsSomething(v)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"user": {"tokens": [1, {"secret": "hunter2"}]}}`))
	f.Add([]byte(`[{"a": {}}, [[]], {"password": [null]}]{"token":0}`))
	f.Add([]byte("{\"\xff\": {\"pass\\u0077ord\": \"\\ud800\"}}"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		err := NewChecker().Check(&tasks.Task{Payload: payload})
		if err == nil {
			return
		}
		var field *FieldError
		if assert.ErrorIs(t, err, tasks.ErrInvalidTask); assert.ObjectsAreEqual(ErrTooDeep, err) {
			return
		}
		require.ErrorAs(t, err, &field)
		assert.NotEmpty(t, field.Path)
		assert.LessOrEqual(t, len(field.Path), MaxPathBytes)
	})
}
