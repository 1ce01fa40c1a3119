package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhere(t *testing.T) {
	text := "broker:\n  prefix: warren\nqueues:\n  a.b:\n    timeout: 1h\n  plain: {}\n"
	path := filepath.Join(t.TempDir(), "warren.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, path+`:5: queues."a.b".timeout`, c.Where("queues", "a.b", "timeout"))
	assert.Equal(t, path+":6: queues.plain.timeout", c.Where("queues", "plain", "timeout"), "the nearest one around it")
	assert.Equal(t, path+":1: broker.urls", c.Where("broker", "urls"))
	assert.Equal(t, path+": history.retention", c.Where("history", "retention"))

	bare, err := Parse("warren.yaml", nil, func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	assert.Equal(t, "warren.yaml: broker.urls", bare.Where("broker", "urls"))
}
