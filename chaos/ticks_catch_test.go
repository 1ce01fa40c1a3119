package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

func TestCatcher(t *testing.T) {
	var c catcher
	assert.False(t, c.reached("secondly", at(1)))
	message, err := tasks.Encode(tasks.Task{
		ID: scheduler.TaskID("secondly", at(3)), Key: "tick.secondly", Schedule: "secondly",
		ScheduledFor: at(3).In(time.FixedZone("there", 3600)), NotBefore: at(4),
	}, at(3.25))
	require.NoError(t, err)
	c.note(message, true, at(3.5))
	foreign, err := tasks.Encode(tasks.Task{ID: "foreign", Key: "tick.secondly"}, at(3))
	require.NoError(t, err)
	c.note(foreign, false, at(3.5))

	all, odd := c.told()
	require.Len(t, all, 1)
	got := all[0]
	assert.Equal(t, tick{"secondly", at(3).Unix()}, got.tick)
	assert.Equal(t, message.MessageID, got.id)
	assert.True(t, got.enqueued.Equal(at(3.25)) && got.notBefore.Equal(at(4)) && got.received.Equal(at(3.5)) && got.redelivered)
	require.Len(t, odd, 1)
	assert.Contains(t, odd[0], "task foreign is no tick")
	assert.True(t, c.reached("secondly", at(3)))
	assert.False(t, c.reached("secondly", at(4)))
}

// What the schedulers are given is a configuration, and its entries fire when the checkers think.
func TestConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warren.yaml")
	for _, entries := range [][]timetable{killEntries, awayEntries} {
		require.NoError(t, writeConfig(path, []string{"amqp://one/", "amqp://two/"}, "", entries))
		cfg, err := config.LoadEnv(path, func(string) (string, bool) { return "", false })
		require.NoError(t, err)
		assert.Equal(t, []string{"amqp://one/", "amqp://two/"}, cfg.Broker.URLs)
		require.Len(t, cfg.Schedules, len(entries))
		for _, e := range cfg.Schedules {
			for _, own := range entries {
				if own.name == e.Name {
					table, err := e.Timetable()
					require.NoError(t, err)
					assert.True(t, own.next(at(0.5)).Equal(table.Next(at(0.5))), e.Name)
				}
			}
		}
	}
}
