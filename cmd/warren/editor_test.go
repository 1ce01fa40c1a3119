package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// editing has a payload edited by a shell script, whose $1 is the file.
func editing(t *testing.T, script, answers, payload string) (edited, stderr string, err error) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	path := filepath.Join(t.TempDir(), "editor")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh -e\n"+script), 0o700))
	var out bytes.Buffer
	stdin, typing, err := os.Pipe() // a file, as a terminal is: the editor is given it, and leaves what it does not read
	require.NoError(t, err)
	defer stdin.Close()
	_, err = typing.WriteString(answers)
	require.NoError(t, err)
	require.NoError(t, typing.Close())
	c := &cli{
		stdin: stdin, stdout: &output{Writer: &out}, stderr: &out, terminal: answers != "",
		getenv: environment{variables: map[string]string{"VISUAL": " ", "EDITOR": path + " --wait"}}.lookup,
	}
	result, err := c.edit(t.Context(), []byte(payload))
	left, globErr := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, globErr)
	assert.Empty(t, left, "what may hold secrets is removed")
	return string(result), out.String(), err
}

func TestEdit(t *testing.T) {
	edited, _, err := editing(t, `sed -i s/evee/eve/ "$2"; cp "$2" "$2~"; stat -c %a "$2" >&2`, "", `{"user": "evee", "n": 1.50}`)
	require.NoError(t, err)
	want := []byte(`{"user": "eve", "n": 1.50}`)
	assert.Equal(t, want, []byte(edited))

	_, stderr, err := editing(t, `case "$1:$2" in --wait:*/payload.json) ;; *) exit 1;; esac; stat -c %a "$2"`, "", `{}`)
	assert.ErrorIs(t, err, errUnchanged)
	assert.Equal(t, "600\n", stderr)

	_, _, err = editing(t, `echo >>"$2"`, "", `{}`)
	assert.ErrorIs(t, err, errUnchanged, "an editor ends the last line")
	edited, _, err = editing(t, `echo more >>"$2"`, "", "a,b\n")
	require.NoError(t, err)
	assert.Equal(t, "a,b\nmore\n", edited)

	_, _, err = editing(t, `exit 3`, "", `{}`)
	assert.ErrorContains(t, err, "--edit: ")
	assert.ErrorContains(t, err, "exit status 3")
	_, _, err = editing(t, "rm \"$2\"", "", `{}`)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestEditOfWhatIsNoJSONAnyMore(t *testing.T) {
	_, _, err := editing(t, `printf '{"a":\n1,}' >"$2"`, "", `{}`)
	assert.ErrorContains(t, err, "payload.json:2:3: not JSON: invalid character '}'")
	edited, stderr, err := editing(t, `if grep -q a "$2"; then echo '{"b":1}' >"$2"; else echo '{"a"' >"$2"; fi`, "y\n", `{}`)
	require.NoError(t, err)
	assert.Equal(t, `{"b":1}`, edited)
	assert.Contains(t, stderr, "warren: payload.json:1:4: not JSON: unexpected end of JSON input. Edit it again? [y/N] ")
	_, _, err = editing(t, `echo '{"a"' >"$2"`, "no\n", `{}`)
	assert.ErrorContains(t, err, "not JSON")
}

func TestEditWithoutAnEditor(t *testing.T) {
	c := &cli{stdout: &output{Writer: &bytes.Buffer{}}, getenv: environment{variables: map[string]string{"VISUAL": "/no/such/editor"}}.lookup}
	_, err := c.edit(t.Context(), []byte("{}"))
	assert.ErrorContains(t, err, "--edit: fork/exec /no/such/editor: no such file or directory")
}
