package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	tab := table{columns: []column{{title: "QUEUE"}, {title: "READY", right: true}, {title: "ERROR"}}}
	tab.add("email", "7", "connection\nrefused \x1b[31mby\u202e 10.0.0.1\xff")
	tab.add("日本", "123456", "")

	var out strings.Builder
	require.NoError(t, tab.write(&out, 0))
	assert.Equal(t, ""+
		"QUEUE   READY  ERROR\n"+
		"email       7  connection refused  [31mby  10.0.0.1\uFFFD\n"+
		"日本   123456\n", out.String())

	out.Reset()
	require.NoError(t, tab.write(&out, 40))
	assert.Contains(t, out.String(), "email       7  connection refused  [31m…\n")
	for line := range strings.Lines(out.String()) {
		assert.LessOrEqual(t, len([]rune(line)), 41)
	}

	out.Reset()
	require.NoError(t, tab.write(&out, 3))
	assert.Contains(t, out.String(), "  connection refused …\n", "something of the last column is left")
}
