package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptions(t *testing.T) {
	o, err := parse([]string{"-short", "--rounds", "3", "-only", "drain,memory", "-broker", "node", "-check", "-json"}, t.Output())
	assert.NoError(t, err)
	want := short
	want.Rounds = 3
	assert.Equal(t, options{settings: want, broker: "node", only: []string{"drain", "memory"}, check: true, json: true}, o)
	assert.True(t, o.wants("memory"))
	assert.False(t, o.wants("both"))

	o, err = parse(nil, t.Output())
	assert.NoError(t, err)
	assert.Equal(t, options{settings: full, broker: anyBroker}, o)
	assert.True(t, o.wants("both"))

	for _, args := range [][]string{{"-rounds", "-1"}, {"-only", "sprint"}, {"-broker", "kafka"}, {"now"}, {"-unknown"}} {
		_, err := parse(args, t.Output())
		assert.Error(t, err, args)
	}
	assert.Equal(t, exitUsage, command(context.Background(), []string{"now"}))
}
