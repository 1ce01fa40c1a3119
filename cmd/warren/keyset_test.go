package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/tasks"
)

func TestKeyset(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keyset.json")
	o := environment{}.run(t.Context(), "keyset", "new", path)
	require.Equal(t, exitDone, o.code, o.stderr)
	first, err := encryption.LoadKeyset(path)
	require.NoError(t, err)
	assert.Equal(t, first.Primary()+"\n", o.stdout)
	sealed, err := first.Seal(tasks.Task{Key: "a"})
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	o = environment{}.run(t.Context(), "keyset", "new", path)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "nothing is overwritten")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, after)

	link := filepath.Join(folder, "link.json")
	require.NoError(t, os.Symlink(path, link))
	o = environment{}.run(t.Context(), "keyset", "rotate", link)
	require.Equal(t, exitDone, o.code, o.stderr)
	second, err := encryption.LoadKeyset(path)
	require.NoError(t, err)
	assert.Equal(t, second.Primary()+"\n", o.stdout)
	assert.NotEqual(t, first.Primary(), second.Primary())
	_, err = second.Open(&sealed)
	assert.NoError(t, err, "the old key still decrypts")

	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is left beside it")
	if info, err := os.Stat(path); assert.NoError(t, err) && runtime.GOOS != "windows" {
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestKeysetRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	o := environment{}.run(t.Context(), "keyset", "rotate", path)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "keyset.json: no such file")

	require.NoError(t, os.WriteFile(path, []byte(`{"hunter2": 1}`), 0o600))
	o = environment{}.run(t.Context(), "keyset", "rotate", path)
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "invalid key set")
	assert.NotContains(t, o.stderr, "hunter2")

	o = environment{}.run(t.Context(), "keyset", "new", filepath.Join(path, "k.json"))
	assert.Equal(t, exitFailed, o.code)
	assert.Empty(t, o.stdout)

	for says, text := range map[string]string{
		"encryption.keyset: " + path + ": invalid key set":       "encryption: {keyset: '" + path + "'}",
		"encryption.keyset: open " + path + ".old: no such file": "encryption: {keyset: " + path + ".old}",
		"encryption.keyset: invalid key set":                     "encryption: {keyset: '{\"hunter2\": 1}'}",
	} {
		o = environment{}.run(t.Context(), "-c", file(t, text), "enqueue", "a")
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, says)
		assert.NotContains(t, o.stderr, "hunter2")
	}
}
