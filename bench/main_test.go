package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

// The tests' own program is the process of an entrant as well.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == peerCommand {
		os.Exit(command(context.Background(), os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

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
