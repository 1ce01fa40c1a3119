package brokertest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rabbitmqctl returns a folder with a command rabbitmqctl in it that administers a broker which was
// started on this machine, for tests of what operators are told to type.
func Rabbitmqctl(t testing.TB, b *Broker) (folder string) {
	t.Helper()
	ctl, err := control(b)
	require.NoError(t, err)
	var script strings.Builder
	fmt.Fprintln(&script, "#!/bin/sh")
	for _, variable := range ctl.Env {
		if home, is := strings.CutPrefix(variable, "HOME="); is { // where the node's cookie is: the last one counts
			fmt.Fprintf(&script, "export HOME='%s'\n", home)
		}
	}
	fmt.Fprintf(&script, "exec '%s'", ctl.Path)
	for _, arg := range ctl.Args[1:] {
		fmt.Fprintf(&script, " '%s'", arg)
	}
	fmt.Fprintln(&script, ` "$@"`)
	folder = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rabbitmqctl"), []byte(script.String()), 0o700))
	return folder
}

// control is rabbitmqctl on the node of a broker that was started on this machine, by whichever process:
// it is found by its port, among the private nodes and the containers.
func control(b *Broker, args ...string) (*exec.Cmd, error) {
	u, err := url.Parse(b.URL)
	if err != nil {
		return nil, err
	}
	ctl, err := controlNode(u.Port(), args)
	if ctl == nil && err == nil {
		ctl, err = controlContainer(u.Port(), args)
	}
	return ctl, err
}

// controlNode is rabbitmqctl on the private node that listens on a port; nil where there is none.
func controlNode(port string, args []string) (*exec.Cmd, error) {
	folders, err := nodeFolders()
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "rabbitmq.conf"))
		if err != nil || !strings.Contains(string(text), "listeners.tcp.default = 127.0.0.1:"+port+"\n") {
			continue // another test's, or gone
		}
		node, err := filepath.Glob(filepath.Join(folder, "data", "*@localhost"))
		if err != nil || len(node) != 1 {
			return nil, errors.Join(fmt.Errorf("%d nodes in %s", len(node), folder), err)
		}
		cmd := exec.Command("rabbitmqctl", append([]string{"-n", filepath.Base(node[0])}, args...)...)
		if path, err := exec.LookPath("/usr/lib/rabbitmq/bin/rabbitmqctl"); err == nil {
			cmd.Path, cmd.Err = path, nil // not Debian's wrapper, which changes the user
		}
		cmd.Env = append(os.Environ(), "HOME="+filepath.Join(folder, "home"))
		return cmd, nil
	}
	return nil, nil
}

// controlContainer is rabbitmqctl in the container that publishes a port.
func controlContainer(port string, args []string) (*exec.Cmd, error) {
	id, err := exec.Command("docker", "ps", "--quiet", "--filter", "publish="+port).Output()
	if err != nil {
		return nil, fmt.Errorf("no private node listens on port %s; docker ps: %w", port, err)
	}
	if len(id) == 0 {
		return nil, fmt.Errorf("neither a private node nor a container listens on port %s", port)
	}
	return exec.Command("docker", append([]string{"exec", strings.TrimSpace(string(id)), "rabbitmqctl"}, args...)...), nil
}
