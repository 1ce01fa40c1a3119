package deadletter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/deadletter"
)

func TestSetJSON(t *testing.T) {
	const payload = "{\"user\": {\"id\":12345678901234567890,  \"n\" :1.50e+2},\n \"tags\":[ \"a\", {\"b\":[]} , [1,[2]]], \"<é\": null, \"x\": true }\n"
	for _, test := range []struct{ path, value, old, new string }{
		{"user.n", "2", "1.50e+2", "2"},
		{"user.id", "eve", "12345678901234567890", `"eve"`},
		{"user", `{"a": [1]}`, `{"id":12345678901234567890,  "n" :1.50e+2}`, `{"a": [1]}`},
		{"tags[0]", `"7"`, `"a"`, `"7"`},
		{"tags[1].b", "", `[]`, `""`},
		{"tags[2][1][0]", "null", `[2]`, "[null]"},
		{`"<é"`, `<b> & "c"`, "null", `"<b> & \"c\""`},
		{`"x"`, " [ ] ", "true", "[ ]"},
		{"y", "1", "true }", `true, "y": 1 }`},
		{"user.mail", "a@b", `1.50e+2}`, `1.50e+2,  "mail" :"a@b"}`},
		{"tags[1].c.d", "1", `{"b":[]}`, `{"b":[],"c":{"d":1}}`},
		{`"a.b"."c\"=".d`, "1", "true }", `true, "a.b": {"c\"=":{"d":1}} }`},
	} {
		got, err := deadletter.SetJSON([]byte(payload), test.path, test.value)
		require.NoError(t, err)
		want := strings.Replace(payload, test.old, test.new, 1)
		assert.Equal(t, want, string(got), test.path)
	}
	for payload, want := range map[string]string{
		"{}":                     `{"a":1}`,
		" { } ":                  ` {"a":1 } `,
		`{"a":2,"a":3}`:          `{"a":2,"a":1}`,
		`{"\u0061":2}`:           `{"\u0061":1}`,
		`{"a":{"}":"]\"\\"}}`:    `{"a":1}`,
		"{\n  \"b\": [\n  ]\n}":  "{\n  \"b\": [\n  ],\n  \"a\": 1\n}",
		"{\"b\":0,\n  \"c\": 0}": "{\"b\":0,\n  \"c\": 0,\n  \"a\": 1}",
	} {
		got, err := deadletter.SetJSON([]byte(payload), "a", "1")
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}

func TestSetJSONRefuses(t *testing.T) {
	for _, test := range []struct {
		payload, path string
		is            error
		says          string
	}{
		{`{"a"`, "a", deadletter.ErrNotJSON, "the payload is not JSON: unexpected end"},
		{"", "a", deadletter.ErrNotJSON, "not JSON"},
		{"{} {}", "a", deadletter.ErrNotJSON, "invalid character '{'"},
		{`[1]`, "a", deadletter.ErrNoPath, "no such path: a: the payload is an array, which has no members"},
		{`{"a":7}`, "a.b", deadletter.ErrNoPath, "no such path: a.b: a is a number, which has no members"},
		{`{"a":{"b":"x"}}`, "a.b[0].c", deadletter.ErrNoPath, "a.b[0]: a.b is a text, which has no items"},
		{`{"a":[1,2]}`, "a[2]", deadletter.ErrNoPath, "no such path: a[2]: a has 2 items, and the first is [0]"},
		{`{"a":[]}`, "a[0]", deadletter.ErrNoPath, "a has 0 items"},
		{`{"a":null}`, "a.b", deadletter.ErrNoPath, "a is null"},
		{`{"a":true}`, "a.b", deadletter.ErrNoPath, "a is true or false"},
		{`{"a":{}}`, "a[0]", deadletter.ErrNoPath, "a is an object, which has no items"},
		{`{}`, "a[0]", deadletter.ErrNoPath, "a[0]: there is no array to have an item"},
		{`{}`, "a.b[0]", deadletter.ErrNoPath, "a.b[0]: there is no array"},
		{`{}`, "", deadletter.ErrInvalidPath, "a name is missing before"},
		{`{}`, "a.", deadletter.ErrInvalidPath, "a name is missing"},
		{`{}`, ".a", deadletter.ErrInvalidPath, `invalid path ".a": a name is missing before ".a"`},
		{`{}`, "a..b", deadletter.ErrInvalidPath, "a name is missing"},
		{`{}`, "a[x]", deadletter.ErrInvalidPath, `"[x]" does not begin with an index`},
		{`{}`, "a[-1]", deadletter.ErrInvalidPath, "an index"},
		{`{}`, "a[1", deadletter.ErrInvalidPath, "an index"},
		{`{}`, "a[99999999999]", deadletter.ErrInvalidPath, "an index"},
		{`{}`, "a[1]b", deadletter.ErrInvalidPath, `a dot, [ or the end is wanted before "b"`},
		{`{}`, `a"b"`, deadletter.ErrInvalidPath, "is wanted before"},
		{`{}`, `"a`, deadletter.ErrInvalidPath, "is not a name in quotes"},
		{`{}`, `"\x"`, deadletter.ErrInvalidPath, "is not a name in quotes"},
		{`{}`, "\xff", deadletter.ErrInvalidPath, `"\xff" is not UTF-8`},
		{`{}`, "a=b", deadletter.ErrInvalidPath, "a name with = in it is written in quotes"},
	} {
		_, err := deadletter.SetJSON([]byte(test.payload), test.path, "1")
		assert.ErrorIs(t, err, test.is, test.path)
		assert.ErrorContains(t, err, test.says)
	}
}

func TestParseSet(t *testing.T) {
	for text, want := range map[string]string{
		"a=1": `{"a":1}`, "a=b=c": `{"a":"b=c"}`, "a=": `{"a":""}`, `"="=x`: `{"=":"x"}`, `a.b={"c": "="}`: `{"a":{"b":{"c": "="}}}`,
	} {
		set, err := deadletter.ParseSet(text)
		require.NoError(t, err)
		got, err := set.Apply([]byte("{}"))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for _, text := range []string{"", "a", "a.b", "=1", "a.=1", "a]=1"} {
		_, err := deadletter.ParseSet(text)
		assert.ErrorIs(t, err, deadletter.ErrInvalidPath, text)
	}
	for _, text := range []string{"user.name=M\xfcller", "user.name=\"M\xfcller\""} { // which would be said to be M\uFFFDller
		_, err := deadletter.ParseSet(text)
		assert.ErrorIs(t, err, deadletter.ErrInvalidValue)
		assert.ErrorContains(t, err, `invalid value of user.name: `)
	}
	_, err := deadletter.SetJSON([]byte("{}"), "n", "\xff")
	assert.ErrorIs(t, err, deadletter.ErrInvalidValue)
	set, err := deadletter.ParseSet(`"".a-b[2]."c.d"=1`)
	require.NoError(t, err)
	assert.Equal(t, `"".a-b[2]."c.d"`, set.String())
}

// jsonTree draws a value, and jsonPath a path to something in it, with the text of what is there.
func jsonTree(depth int) *rapid.Generator[any] {
	scalars := rapid.SampledFrom([]any{nil, true, "", "x\"\\]}é<", json.Number("12345678901234567890.50"), map[string]any{}, []any{}})
	if depth == 0 {
		return scalars
	}
	return rapid.OneOf(
		scalars,
		rapid.Map(rapid.SliceOfN(jsonTree(depth-1), 0, 3), func(v []any) any { return v }),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b.c", "", `"d"`, "é=", "<"}), jsonTree(depth-1), 0, 3),
			func(v map[string]any) any { return v }),
	)
}

func jsonPath(t *rapid.T, value any) (path string, at any) {
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		switch v := value.(type) {
		case []any:
			if len(v) == 0 {
				return path, value
			}
			i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
			path, value = fmt.Sprintf("%s[%d]", path, i), v[i]
		case map[string]any:
			if len(v) == 0 {
				return path, value
			}
			names := make([]string, 0, len(v))
			for _, name := range []string{"", `"d"`, "<", "a", "b.c", "é="} {
				if _, has := v[name]; has {
					names = append(names, name)
				}
			}
			name := rapid.SampledFrom(names).Draw(t, "name")
			quoted, _ := json.Marshal(name)
			if path != "" {
				path += "."
			}
			path, value = path+string(quoted), v[name]
		}
	}
	return path, value
}

// What is set is there, and setting back what was there brings back every byte.
func TestSetJSONChangesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := jsonTree(4).Draw(t, "tree")
		payload, err := json.Marshal(tree)
		require.NoError(t, err)
		if rapid.Bool().Draw(t, "indented") {
			var b bytes.Buffer
			require.NoError(t, json.Indent(&b, payload, " ", "\t"))
			payload = b.Bytes()
		}
		path, old := jsonPath(t, tree)
		if path == "" {
			return
		}
		changed, err := deadletter.SetJSON(payload, path, `["new"]`)
		require.NoError(t, err)
		require.True(t, json.Valid(changed))
		require.Contains(t, string(changed), `["new"]`)
		was, err := json.Marshal(old)
		require.NoError(t, err)
		back, err := deadletter.SetJSON(changed, path, string(was))
		require.NoError(t, err)
		require.JSONEq(t, string(payload), string(back))
		if len(was) == 0 || was[0] != '[' && was[0] != '{' {
			require.Equal(t, string(payload), string(back))
		}
	})
}

func FuzzSetJSON(f *testing.F) {
	f.Add([]byte(`{"user": {"tags": [1, {"a": "]}"}]}}`), `user.tags[1].a`, "7")
	f.Add([]byte("[[ ] , {\"\\u0061\" : 1e9 }\n]"), `[1]."a"`, "x")
	f.Add([]byte(`{}`), `a."b.c".d`, `{"x": null}`)
	f.Fuzz(func(t *testing.T, payload []byte, path, value string) {
		before := bytes.Clone(payload)
		got, err := deadletter.SetJSON(payload, path, value)
		require.Equal(t, before, payload)
		if err != nil {
			return
		}
		require.True(t, json.Valid(got))
		again, err := deadletter.SetJSON(got, path, value)
		require.NoError(t, err)
		require.Equal(t, string(got), string(again))
	})
}
