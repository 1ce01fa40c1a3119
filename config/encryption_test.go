package config

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/tasks"
)

// waiter waits for nothing.
type waiter struct{}

func (waiter) EnqueueAndWait(context.Context, tasks.Task, tasks.Wait) (tasks.Reply, error) {
	return tasks.Reply{}, nil
}

func TestEncryption(t *testing.T) {
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	cipher, err := Encryption{Keyset: path, Required: true}.Load()
	require.NoError(t, err)
	assert.True(t, cipher.Required)
	assert.IsType(t, &encryption.Enqueuer{}, cipher.Before(entrance{}))
	assert.IsType(t, &encryption.Waiter{}, cipher.BeforeWaiter(waiter{}))
	require.Len(t, cipher.Middleware(slog.Default()), 1)
	handler := tasks.Chain(tasks.NewMux(), cipher.Middleware(slog.Default())...)
	assert.ErrorIs(t, handler.HandleTask(t.Context(), &tasks.Task{}), tasks.ErrUndecryptable, "it is required")

	none, err := Encryption{}.Load()
	require.NoError(t, err)
	assert.Equal(t, entrance{}, none.Before(entrance{}), "nothing stands before it")
	assert.Equal(t, waiter{}, none.BeforeWaiter(waiter{}))
	assert.Empty(t, none.Middleware(nil))

	_, err = Encryption{Keyset: path + ".old"}.Load()
	require.ErrorIs(t, err, ErrInvalid)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Encryption{Keyset: `{"key": "hunter2"}`}.Load()
	require.ErrorIs(t, err, encryption.ErrInvalidKeyset)
	assert.NotContains(t, err.Error(), "hunter2")
}
