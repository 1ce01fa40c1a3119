//go:build integration

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// On a terminal the watch is drawn on its other screen, and q leaves it as it was.
func TestQueuesWatchTerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	user, program := pty(t)
	variables := map[string]string{"LANG": "C.UTF-8", "TERM": "xterm"}
	for name, value := range s.variables {
		variables[name] = value
	}
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(s.ctx, []string{"-c", s.path, "queues", "--watch"}, program, program, &stderr, environment{variables: variables}.lookup)
	}()
	var text strings.Builder
	buffer := make([]byte, 4<<10)
	read := func(until string) {
		t.Helper()
		for !strings.Contains(text.String(), until) {
			n, err := user.Read(buffer)
			require.NoError(t, err, text.String())
			text.Write(buffer[:n])
		}
	}
	read("DONE, 5 MIN")
	assert.Contains(t, text.String(), enterScreen+beginFrame)
	assert.Contains(t, text.String(), red+"!0"+plain)
	_, err := user.WriteString("q")
	require.NoError(t, err)
	read(leaveScreen)
	assert.Equal(t, exitDone, <-code, stderr.String())
	assert.Empty(t, stderr.String())
}
