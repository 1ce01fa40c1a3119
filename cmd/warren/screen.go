package main

import (
	"bytes"
	"io"

	"golang.org/x/term"
)

// screen is a terminal that is drawn anew in place: on its other screen, so that what stood there before
// comes back at the end.
type screen struct {
	terminal
	frame bytes.Buffer
}

// terminal is where a screen is drawn.
type terminal interface {
	io.Writer
	// size returns its columns and lines.
	size() (width, height int)
	// keys gives what is typed, and resized a value after its size has changed.
	keys() <-chan byte
	resized() <-chan struct{}
	// restore gives it back as it was, and ends what the other two come from.
	restore()
}

// What a screen writes: ECMA-48, and what xterm and its kin know besides.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, no cursor, long lines are cut
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H" // nothing is shown until the frame is whole, where that is known
	endFrame    = "\x1b[?2026l"
	eraseRight  = "\x1b[K"
	eraseBelow  = "\x1b[J"
)

// newScreen takes a terminal. It must be closed.
func newScreen(t terminal) *screen {
	s := &screen{terminal: t}
	_, _ = io.WriteString(t, enterScreen)
	return s
}

// draw shows lines, in one write.
func (s *screen) draw(lines []string) error {
	s.frame.Reset()
	s.frame.WriteString(beginFrame)
	for i, line := range lines {
		if i > 0 {
			s.frame.WriteString("\r\n")
		}
		s.frame.WriteString(eraseRight) // not behind the line: where that is full, its last letter would go
		s.frame.WriteString(line)
	}
	if _, height := s.size(); len(lines) < height {
		s.frame.WriteString("\r\n" + eraseBelow)
	}
	s.frame.WriteString(endFrame)
	_, err := s.Write(s.frame.Bytes())
	return err
}

// close gives the terminal back.
func (s *screen) close() {
	_, _ = io.WriteString(s, leaveScreen)
	s.restore()
}

// ctrlC is what Ctrl-C types where it is no signal.
const ctrlC = 0x03

// fallbackWidth and fallbackHeight are those of a terminal that does not tell them.
const (
	fallbackWidth  = 80
	fallbackHeight = 24
)

func sizeOf(fd int) (width, height int) {
	width, height, err := term.GetSize(fd)
	if err != nil || width <= 0 || height <= 0 {
		return fallbackWidth, fallbackHeight
	}
	return width, height
}
