package handlers

import (
	"io"
	"os"
)

// stream is a pipe that a program writes to.
type stream struct {
	file    *os.File
	drained chan struct{} // closed once it was read to its end, or closed
}

// openStream returns a stream and the program's end of it.
func openStream() (s *stream, child *os.File, err error) {
	file, child, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	return &stream{file: file, drained: make(chan struct{})}, child, nil
}

// copyTo reads what the program writes, until it ends or close is called.
func (s *stream) copyTo(w io.Writer) {
	defer close(s.drained)
	_, _ = io.Copy(w, s.file) // what was read counts, whatever ends it
}

// close ends a stream, which may be nil.
func (s *stream) close() {
	if s != nil {
		s.file.Close()
	}
}
