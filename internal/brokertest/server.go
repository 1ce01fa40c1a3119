package brokertest

import (
	"errors"
	"os/exec"
	"path/filepath"
)

const serverName = "rabbitmq-server"

// serverFolders are looked in where PATH has no server, since it often lacks the administrator's
// folders. The first comes before a server in /usr/sbin, too: there Debian has a wrapper that
// refuses plain users and, for root, changes to the user rabbitmq; behind it is this script.
var serverFolders = []string{"/usr/lib/rabbitmq/bin", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"}

// findServer returns the rabbitmq-server script to run.
func findServer() (string, error) {
	server, err := exec.LookPath(serverName)
	if err == nil && filepath.Dir(server) != "/usr/sbin" && filepath.Dir(server) != "/sbin" {
		return filepath.Abs(server)
	}
	for _, folder := range serverFolders {
		if server, err := exec.LookPath(filepath.Join(folder, serverName)); err == nil {
			return server, nil
		}
	}
	return "", errors.New("no " + serverName + " on PATH")
}
