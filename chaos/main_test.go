package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(envExit) != "" { // a worker of a crew under test
		os.Exit(actWorker())
	}
	goleak.VerifyTestMain(m)
}

func TestCommandLine(t *testing.T) {
	for name, one := range map[string]struct {
		args []string
		code int
		says string
	}{
		"none":         {nil, exitUsage, "usage: chaos"},
		"unknown":      {[]string{"havoc"}, exitUsage, "usage: chaos"},
		"help":         {[]string{"fault", "-h"}, 0, "-seed"},
		"bad flag":     {[]string{"fault", "-sede", "1"}, exitUsage, "-sede"},
		"bad number":   {[]string{"fault", "-tasks", "-1"}, exitUsage, "-tasks: -1 is below 1"},
		"bad broker":   {[]string{"fault", "-broker", "kafka"}, exitUsage, "none of node, container, each"},
		"ticks help":   {[]string{"ticks", "-h"}, 0, "-kill-every"},
		"ticks part":   {[]string{"ticks", "-part", "kills,off"}, exitUsage, `-part: "off" is none of kills, away`},
		"ticks time":   {[]string{"ticks", "-away", "-1s"}, exitUsage, "-away: -1s is below 1s"},
		"ticks kills":  {[]string{"ticks", "-duration", "20s"}, exitUsage, "-duration: 20s is less than twice the 15s"},
		"ticks broker": {[]string{"ticks", "-broker", "kafka"}, exitUsage, "none of node, container, each"},
		"two sizes":    {[]string{"fault", "-short", "-long"}, exitUsage, "-short and -long exclude each other"},
		"one too many": {[]string{"fault", "now"}, exitUsage, `"now" is one argument too many`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			assert.Equal(t, one.code, command(context.Background(), one.args, &out, &log))
			assert.Contains(t, log.String(), one.says)
		})
	}
}

func TestOptions(t *testing.T) {
	o, err := parse([]string{"-long", "-seed", "7", "-rate", "50", "-late", "10s", "-broker", "node"}, t.Output())
	assert.NoError(t, err)
	want := long
	want.seed, want.rate, want.late = 7, 50, 10*time.Second
	assert.Equal(t, want, o.settings)
	assert.Len(t, o.brokers, 1)
	again, err := parse(append([]string{"-broker", "node"}, fields(o.command())...), t.Output())
	assert.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")

	one, err := parse(nil, t.Output())
	assert.NoError(t, err)
	two, err := parse(nil, t.Output())
	assert.NoError(t, err)
	assert.NotZero(t, one.seed)
	assert.Len(t, two.brokers, 2)
}
