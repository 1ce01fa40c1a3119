package broker

import (
	"net"
	"sync"
)

// maxCorked bounds what a corked socket collects, in bytes; beyond it what was collected is written.
const maxCorked = 64 << 10

// socket is the connection beneath the library, or beneath TLS where there is TLS.
//
// It closes itself when reading fails. The library ends a connection from its reader, for which it
// needs locks that a write holds; a write that the broker does not read would hold them for ever.
//
// It can be corked: the library writes each message and each acknowledgement to the socket by
// itself, which costs a system call here and a wake-up of the broker's reader for every few bytes.
// While it is corked, what is written is collected, heartbeats included, so whoever corks it
// uncorks it soon. Or it can be in a hurry: what the kernel does not take at once is collected. In all
// cases what is written keeps its order.
//
// Close needs none of its locks, and ends a write that hangs.
type socket struct {
	net.Conn

	mu    sync.Mutex // held during a write, so that what was collected goes before what follows
	corks int
	hurry bool // what does not go at once is collected
	held  []byte
}

// Read reads, and closes the socket where that fails.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if err != nil {
		_ = s.Close() // the read's error is the one that counts
	}
	return n, err
}

// Write writes or, while the socket is corked, collects. What was collected and cannot be written
// is told of by whichever call writes it, Write or uncork.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hurry && len(s.held) == 0 {
		n, err := writeNow(s.Conn, p)
		if n == len(p) || err != nil {
			return n, err
		}
		s.held = append(s.held, p[n:]...)
		return len(p), nil
	}
	if (s.corks > 0 || s.hurry) && len(s.held)+len(p) <= maxCorked {
		s.held = append(s.held, p...)
		return len(p), nil
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	if s.corks > 0 && len(p) < maxCorked {
		s.held = append(s.held, p...)
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// cork has what is written from now on collected, at most maxCorked bytes of it, until uncork has
// been called as often as cork. It waits for a write that is under way.
func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corks++
}

// uncork ends one cork, and with the last of them writes what was collected, at once. An error has
// closed the socket, which the library's reader then finds: its Write has reported success.
func (s *socket) uncork() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corks--
	if s.corks > 0 {
		return nil
	}
	return s.flush()
}

// tryHurry has what is written until endHurry written only as far as that goes without blocking; the
// rest is collected. It returns false where something else is being written or is still to be written.
// What is written meanwhile must be less than maxCorked.
func (s *socket) tryHurry() bool {
	if !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	if s.corks > 0 || s.hurry || len(s.held) > 0 {
		return false
	}
	s.hurry = true
	return true
}

// endHurry ends what tryHurry began, and reports whether all was written. What was not goes before the
// next write, or with the next uncork.
func (s *socket) endHurry() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurry = false
	return len(s.held) == 0
}

// flush writes what was collected. The caller holds the lock.
func (s *socket) flush() error {
	if len(s.held) == 0 {
		return nil
	}
	_, err := s.Conn.Write(s.held)
	s.held = s.held[:0]
	if err != nil {
		_ = s.Close() // the write's error is the one that counts
	}
	return err
}
