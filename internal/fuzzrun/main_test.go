package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fuzzed is a package with one target that holds and one that does not.
const fuzzed = `package fuzzed

import "testing"

func FuzzHolds(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }

func FuzzBreaks(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) {
		if n%2 == 0 {
			t.Fatal("even")
		}
	})
}

func FuzzyNot() {}

type s struct{}

func (s) FuzzNot(f *testing.F) {}
`

func TestCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("go.mod", []byte("module example.org/m\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.Mkdir("fuzzed", 0o700))
	require.NoError(t, os.WriteFile("fuzzed/a_test.go", []byte(fuzzed), 0o600))

	var out, log bytes.Buffer
	assert.Equal(t, 0, command(t.Context(), []string{"-time", "300ms", "./fuzzed", "FuzzHolds"}, &out, &log), log.String())
	assert.Regexp(t, `^\./fuzzed FuzzHolds +\d+s +\d+ executions +\d+ new inputs  ok`, out.String())
	assert.NotContains(t, out.String(), "FuzzBreaks")

	out.Reset()
	assert.Equal(t, exitFailed, command(t.Context(), []string{"-time", "10s"}, &out, &log))
	assert.Contains(t, log.String(), "1 of 2 targets failed")
	assert.Regexp(t, `(?m)^\./fuzzed FuzzBreaks .*FAILED$`, out.String())
	assert.Contains(t, out.String(), "a_test.go:11: even", "with what go test says")
	written, err := filepath.Glob("fuzzed/testdata/fuzz/FuzzBreaks/*")
	require.NoError(t, err)
	assert.NotEmpty(t, written)

	for want, args := range map[string][]string{
		"no fuzz target in ./... FuzzNot":     {"FuzzNot"},
		"-time: 0s is not above 0":            {"-time", "0s"},
		"flag provided but not defined: -for": {"-for", "3s"},
	} {
		log.Reset()
		assert.Equal(t, exitUsage, command(t.Context(), args, &out, &log))
		assert.Contains(t, log.String(), want)
	}
	log.Reset()
	assert.Equal(t, exitFailed, command(t.Context(), []string{"./nowhere"}, &out, &log))
	assert.Contains(t, log.String(), "go list ./nowhere")
}
