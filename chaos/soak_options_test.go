package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSoak(t *testing.T) {
	t.Parallel()
	o, err := parseSoak(nil, t.Output())
	require.NoError(t, err)
	assert.Equal(t, fullSoak, o.soakSettings)
	assert.Equal(t, 7_200_000, o.tasks())
	assert.Len(t, o.brokers, 1)
	o, err = parseSoak([]string{"-short", "-rate", "7", "-chart", "a.svg", "-json", "a.json", "-broker", "container"}, t.Output())
	require.NoError(t, err)
	assert.Equal(t, soakSettings{duration: time.Minute, rate: 7, every: time.Second}, o.soakSettings)
	assert.Equal(t, []string{"a.svg", "a.json"}, []string{o.chart, o.json})
	for want, args := range map[string][]string{
		"-duration: 1m0s is less than 16 times the 5s": {"-duration", "1m"},
		"-rate: -1 is below 1":                         {"-rate", "-1"},
		"none of node, container, each":                {"-broker", "x"},
	} {
		var log bytes.Buffer
		_, err := parseSoak(args, &log)
		require.Error(t, err)
		assert.Contains(t, log.String(), want)
	}
	p := post{config: "c", listen: "l", result: "r", name: "n", load: shortSoak}
	p.load.every = 0
	again, err := parsePost(p.args(roleSoakWorker)[1:], t.Output())
	require.NoError(t, err)
	assert.Equal(t, p, again)
}
