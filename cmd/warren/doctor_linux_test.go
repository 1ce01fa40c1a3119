package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/doctor"
)

// Headings are coloured on a terminal, unless the user wants no colours or it knows none.
func TestDoctorColours(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		variables map[string]string
		heading   string
	}{
		{map[string]string{"TERM": "xterm"}, red + "ERRORS" + plain + "\r\n"},
		{map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, "ERRORS\r\n"},
		{map[string]string{"TERM": "dumb"}, "ERRORS\r\n"},
	} {
		user, program := pty(t)
		c := &cli{stdout: &output{Writer: program}, getenv: environment{variables: test.variables}.lookup}
		found := []doctor.Finding{{Severity: doctor.Error, Subject: "email", Message: "missing"}}
		require.ErrorIs(t, c.printFindings(&doctor.Facts{}, found, &doctorFlags{}), errFinding)
		buffer := make([]byte, 1<<10)
		n, err := user.Read(buffer)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(buffer[:n]), test.heading), "%q", buffer[:n])
	}
}
