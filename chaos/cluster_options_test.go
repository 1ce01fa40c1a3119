package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestClusterCommandLine(t *testing.T) {
	for name, one := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":       {[]string{"-h"}, 0, "kill,partition,isolation,restart"},
		"bad fault":  {[]string{"-only", "kill,fire"}, exitUsage, `-only: "fire" is none of kill, partition, isolation, restart`},
		"bad broker": {[]string{"-broker", "cluster"}, exitUsage, "none of node, container, each"},
		"bad time":   {[]string{"-away", "1ms"}, exitUsage, "-away: 1ms is below 1s"},
		"bad rate":   {[]string{"-rate", "-1"}, exitUsage, "-rate: -1 is below 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			assert.Equal(t, one.code, command(context.Background(), append([]string{"cluster"}, one.args...), &out, &log))
			assert.Contains(t, log.String(), one.says)
		})
	}
}

func TestClusterOptions(t *testing.T) {
	o, err := parseCluster([]string{"-short", "-seed", "7", "-rate", "50", "-away", "30s", "-only", "isolation", "-broker", "node"}, t.Output())
	assert.NoError(t, err)
	want := shortCluster
	want.seed, want.rate, want.away, want.only = 7, 50, 30*time.Second, []string{"isolation"}
	assert.Equal(t, want, o.clusterSettings)
	_, flags, _ := strings.Cut(o.command(), "cluster ")
	again, err := parseCluster(append([]string{"-broker", "node"}, strings.Fields(flags)...), t.Output())
	assert.NoError(t, err)
	assert.Equal(t, o, again, "the command line that is told gives the same")

	one, err := parseCluster(nil, t.Output())
	assert.NoError(t, err)
	assert.NotZero(t, one.seed)
	assert.Len(t, one.brokers, 2)
	assert.Equal(t, nodeFaultNames, one.only)
}
