package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/worker"
)

// crashEnv is what the units set so that a crash does not look like a mistake in the configuration.
const crashEnv = "GOTRACEBACK=crash"

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
			"RestartPreventExitStatus=2", "Environment=" + crashEnv, "LimitCORE=0", "DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict",
		} {
			assert.Contains(t, lines, want, path)
		}
	}
}

// Docker gives the demo's daemons the time to stop that systemd gives others.
func TestComposeLetsDaemonsStop(t *testing.T) {
	t.Parallel()
	cfg, err := config.LoadEnv("../../examples/demo/warren.yaml", func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	text, err := os.ReadFile("../../compose.yaml")
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(text), "stop_grace_period: "+(cfg.Shutdown.Grace+stopMargin).String()))
}

// asVictim has the test binary wait for its end.
const asVictim = "WARREN_TEST_VICTIM"

// The watchdog's SIGABRT, as a panic, ends a process in a way that RestartPreventExitStatus=2 does not mean.
func TestUnitsRestartWhatCrashes(t *testing.T) {
	if os.Getenv(asVictim) != "" {
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // LimitCORE=0
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	}
	t.Parallel()
	for _, tt := range []struct {
		env   string
		exits int // -1: by a signal
	}{
		{"GOTRACEBACK=", ExitUsage}, // why the units set another
		{crashEnv, -1},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestUnitsRestartWhatCrashes$")
		command.Env = append(os.Environ(), asVictim+"=1", tt.env)
		var failed *exec.ExitError
		require.ErrorAs(t, command.Run(), &failed)
		assert.Equal(t, tt.exits, failed.ExitCode(), tt.env)
	}
}
