package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/internal/logging"
)

func TestComplete(t *testing.T) {
	a := &arena{entries: killEntries, chronicle: newChronicle(), rig: rig{crew: &crew{}}, until: at(30.5)}
	assert.False(t, a.complete(), "nobody led")
	a.chronicle.add(leads("a", 0.5, 1))
	assert.False(t, a.complete())
	for _, c := range steady().caught {
		if c.entry != "secondly" || c.fire != at(20).Unix() {
			a.catcher.keep(c)
		}
	}
	assert.False(t, a.complete(), "one is missing")
	a.catcher.keep(tickOf("secondly", 20, 9))
	assert.True(t, a.complete(), "and none of minutely was due")
	a.until = at(60.2)
	assert.False(t, a.complete(), "now one is")
	a.catcher.keep(tickOf("minutely", 60, 0))
	assert.True(t, a.complete())
}

// The broker is the file's.
func TestSchedulerEnvironment(t *testing.T) {
	t.Setenv("WARREN_URL", "amqp://elsewhere/")
	t.Setenv(logging.EnvLevel, "error")
	cmd := (&arena{program: "scheduler", folder: "folder"}).command(1, "scheduler-2.1")
	assert.Equal(t, []string{"scheduler", "-c", "folder/scheduler-2.yaml"}, cmd.Args)
	assert.False(t, slices.ContainsFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "WARREN_URL=") }))
	assert.Contains(t, cmd.Env, logging.EnvLevel+"=debug")
	assert.NotContains(t, cmd.Env, logging.EnvLevel+"=error")
}
