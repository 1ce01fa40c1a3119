package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewWritesJSON(t *testing.T) {
	var out bytes.Buffer
	log := New(&out, slog.LevelInfo)
	log.Debug("not shown")
	log.With("entry", "daily").Info("emitted", "lateness", 1500*time.Millisecond, "error", errors.New("x"))

	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), "one line")
	delete(line, "time")
	assert.Equal(t, map[string]any{
		"level": "INFO", "msg": "emitted", "entry": "daily", "lateness": "1.5s", "error": "x",
	}, line)
}

func TestLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"": slog.LevelInfo, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		level, err := Level(func(name string) (string, bool) { return text, name == EnvLevel })
		require.NoError(t, err)
		assert.Equal(t, want, level)
	}
	_, err := Level(func(string) (string, bool) { return "loud", true })
	assert.EqualError(t, err, `WARREN_LOG_LEVEL: "loud" is none of debug, info, warn, error`)
}
