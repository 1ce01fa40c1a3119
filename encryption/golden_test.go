package encryption

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func golden(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return strings.TrimSpace(string(data))
}

// What was encrypted once must open for ever, and other programs make the same.
func TestGolden(t *testing.T) {
	keys, err := LoadKeyset("testdata/keyset.json")
	require.NoError(t, err)
	payload, err := base64.StdEncoding.DecodeString(golden(t, "payload.b64"))
	require.NoError(t, err)
	task := tasks.Task{
		Key: "email.welcome", ID: "01a20288-66e9-7335-83d0-983c9e0fd415", KeyID: "1907761740", Payload: payload,
		ContentType: "application/vnd.warren.encrypted", Errors: []string{"#1: " + golden(t, "error.txt")},
	}
	opened, err := keys.Open(&task)
	require.NoError(t, err)
	assert.Equal(t, tasks.Task{
		Key: task.Key, ID: task.ID, Payload: []byte("a,b\n"), ContentType: "text/csv", ContentEncoding: "gzip",
		Errors: []string{"#1: no such user"},
	}, opened)
}
