package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/logging"
)

func TestEmittedTicks(t *testing.T) {
	fire := time.Date(2026, 11, 22, 9, 0, 0, 0, time.FixedZone("", 9*3600))
	var log bytes.Buffer
	logger := logging.New(&log, slog.LevelInfo)
	logger.Info("scheduler running", "entries", 3)
	logger.With("entry", "daily").Info("tick emitted", "scheduled_for", fire, "id", "a", "lateness", time.Second)
	log.WriteString("panic: not JSON\n")
	logger.With("entry", "daily").Warn("tick not emitted yet", "scheduled_for", fire, "id", "b")
	log.WriteString(`{"msg":"tick emitted","id":"cut o`)

	ticks, err := emittedTicks(&log)
	require.NoError(t, err)
	require.Len(t, ticks, 1)
	assert.Equal(t, "a", ticks[0].ID)
	assert.Equal(t, "daily", ticks[0].Entry)
	assert.True(t, fire.Equal(ticks[0].ScheduledFor))
}

func TestEmittedTicksOfALogThatCannotBeRead(t *testing.T) {
	_, err := emittedTicks(strings.NewReader(strings.Repeat("x", maxLogLine+1)))
	assert.ErrorContains(t, err, "the scheduler's log")
}
