package brokertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// Ports are taken from below the ephemeral ranges of Linux and macOS, so that no outgoing
// connection takes the port of a broker while it is stopped.
const (
	firstPort = 20000
	lastPort  = 32000

	portTries = 3
)

// errPortTaken says that a broker ended because something listens on one of its ports.
var errPortTaken = errors.New("a port was taken")

// withFreePorts starts a broker on n free ports. Where another process was faster to take one, it
// tries with others, three times in all.
func withFreePorts(n int, start func(ports []int) (*Broker, error)) (*Broker, error) {
	for try := 1; ; try++ {
		ports, err := freePorts(n)
		if err != nil {
			return nil, err
		}
		b, err := start(ports)
		if err == nil || try == portTries || !errors.Is(err, errPortTaken) {
			return b, err
		}
	}
}

// tellsTakenPort says whether RabbitMQ or Docker complains of a port that is in use.
func tellsTakenPort(text string) bool {
	for _, phrase := range []string{"eaddrinuse", "dist_port_already_used", "address already in use", "port is already allocated"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// freePorts returns n different ports of this machine that nothing listened on a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	taken := make(map[int]bool, n)
	for tries := 0; len(ports) < n; tries++ {
		if tries > 50*n {
			return nil, fmt.Errorf("no free port between %d and %d", firstPort, lastPort)
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		if taken[port] || !free(port) {
			continue
		}
		taken[port] = true
		ports = append(ports, port)
	}
	return ports, nil
}

// free says whether a port can be listened on, on every interface.
func free(port int) bool {
	for _, host := range []string{"", "127.0.0.1"} {
		listener, err := net.Listen("tcp", hostPort(host, port))
		if err != nil {
			return false
		}
		listener.Close()
	}
	return true
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
