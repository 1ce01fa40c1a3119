package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/worker"
)

// The units of systemd say what the daemons count on.
func TestUnits(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../deploy/systemd/*.service")
	require.NoError(t, err)
	require.Len(t, paths, 3)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		for _, want := range []string{
			"Type=notify", "WatchdogSec=30s", "TimeoutStartSec=infinity",
			"KillMode=mixed", // else systemd would end the programs that run tasks, which are let finish
			"TimeoutStopSec=" + (worker.DefaultGrace + stopMargin).String(),
			"RestartPreventExitStatus=2", "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict",
		} {
			assert.Contains(t, lines, want, path)
		}
	}
}
