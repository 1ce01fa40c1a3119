package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pty returns both ends of a terminal of 100 columns and 30 lines: the user's, and the program's.
func pty(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { user.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 100}))
	return user, program
}

// A key comes without a line's end and is not shown, and afterwards the terminal is as it was.
func TestTerminal(t *testing.T) {
	t.Parallel()
	user, program := pty(t)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	require.NoError(t, err)
	terminal := openTerminal(program, program)
	width, height := terminal.size()
	assert.Equal(t, [2]int{100, 30}, [2]int{width, height})
	within, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	require.NoError(t, err)
	assert.Zero(t, within.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG))
	_, err = user.WriteString("q")
	require.NoError(t, err)
	assert.EqualValues(t, 'q', <-terminal.keys())
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
	<-terminal.resized()
	_, err = user.WriteString("xx") // nobody takes these
	require.NoError(t, err)
	terminal.restore()
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
