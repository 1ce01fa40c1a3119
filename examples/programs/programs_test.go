//go:build unix

// Package programs holds handlers that are not Go; docs/handlers.md shows them.
package programs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/handlers"
	"github.com/warrenmq/warren/tasks"
)

func TestTheDocumentationShowsThem(t *testing.T) {
	page, err := os.ReadFile("../../docs/handlers.md")
	require.NoError(t, err)
	for _, name := range []string{"send-email.py", "clean-up.sh", "service.py"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Contains(t, string(page), "\n"+string(text)+"```\n", name)
	}
	cfg, err := config.Load("warren.yaml")
	require.NoError(t, err)
	assert.Len(t, cfg.Queues[0].Handlers, 3)
}

func TestCleanUp(t *testing.T) {
	folder := t.TempDir()
	before, after := filepath.Join(folder, "old"), filepath.Join(folder, "new")
	for _, path := range []string{before, after} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	long := time.Now().Add(-240 * time.Hour)
	require.NoError(t, os.Chtimes(before, long, long))
	program, err := handlers.NewExec(handlers.ExecConfig{Argv: []string{"./clean-up.sh"}})
	require.NoError(t, err)
	var permanent *tasks.PermanentError

	err = program.HandleTask(t.Context(), &tasks.Task{Payload: []byte("7")})
	require.ErrorAs(t, err, &permanent)
	assert.EqualError(t, err, "exit status 78: CACHE names no directory")
	t.Setenv("CACHE", folder)
	err = program.HandleTask(t.Context(), &tasks.Task{Payload: []byte("7; reboot")})
	require.ErrorAs(t, err, &permanent)
	assert.EqualError(t, err, "exit status 65: no number of days: 7; reboot")
	require.NoError(t, program.HandleTask(t.Context(), &tasks.Task{Payload: []byte("7")}))
	assert.NoFileExists(t, before)
	assert.FileExists(t, after)
}
