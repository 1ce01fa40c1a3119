//go:build unix

package broker

import (
	"errors"
	"net"
	"syscall"
)

// writeNow writes as much of p as a connection takes without blocking, and returns how much that was:
// nothing where the connection cannot be asked.
func writeNow(c net.Conn, p []byte) (int, error) {
	under, ok := c.(syscall.Conn)
	if !ok {
		return 0, nil
	}
	raw, err := under.SyscallConn()
	if err != nil {
		return 0, err
	}
	written := 0
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		for written < len(p) {
			n, err := syscall.Write(int(fd), p[written:])
			switch {
			case errors.Is(err, syscall.EINTR):
				continue
			case errors.Is(err, syscall.EAGAIN):
				return true
			case err != nil:
				failure = err
				return true
			}
			written += n
		}
		return true
	})
	return written, errors.Join(err, failure)
}
