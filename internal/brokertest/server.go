package brokertest

import (
	"errors"
	"os/exec"
	"path/filepath"
)

const serverName = "rabbitmq-server"

// debianServer is the script behind Debian's rabbitmq-server, which refuses plain users and, for
// root, changes to the user rabbitmq.
const debianServer = "/usr/lib/rabbitmq/bin/" + serverName

// serverFolders are looked in besides PATH, which often lacks the administrator's folders.
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
