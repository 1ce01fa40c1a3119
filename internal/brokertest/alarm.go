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
)

// SetAlarm sets or clears the memory alarm of a broker that is the test's own ([Private]): meanwhile it
// blocks whoever publishes.
func SetAlarm(t testing.TB, b *Broker, on bool) {
	t.Helper()
	expression := "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."
	if on {
		expression = "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."
	}
	ctl, err := control(b, "eval", expression)
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	if output, err := ctl.CombinedOutput(); err != nil {
		t.Fatalf("brokertest: rabbitmqctl: %v\n%s", err, output)
	}
}

// control is rabbitmqctl on a broker's node, found by the broker's port.
func control(b *Broker, args ...string) (*exec.Cmd, error) {
	u, err := url.Parse(b.URL)
	if err != nil {
		return nil, err
	}
	if b.Flavour == Container {
		id, err := exec.Command("docker", "ps", "--quiet", "--filter", "publish="+u.Port()).Output()
		if err != nil {
			return nil, fmt.Errorf("docker ps: %w", err)
		}
		return exec.Command("docker", append([]string{"exec", strings.TrimSpace(string(id)), "rabbitmqctl"}, args...)...), nil
	}
	folders, err := nodeFolders()
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		text, err := os.ReadFile(filepath.Join(folder, "rabbitmq.conf"))
		if err != nil || !strings.Contains(string(text), "listeners.tcp.default = 127.0.0.1:"+u.Port()+"\n") {
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
	return nil, errors.New("no node listens on port " + u.Port())
}
