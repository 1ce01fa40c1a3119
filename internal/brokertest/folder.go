package brokertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const folderPattern = "warren-rabbitmq-*"

// folder is the temporary folder of a private node: everything that the node reads and writes,
// who owns it, and which processes it runs as.
type folder string

// nodePorts are the ports that a private node listens on.
type nodePorts struct {
	amqp, dist, management int
}

// newFolder makes the folder of a node that this process owns, with the cookie by which Erlang machines know each
// other; in memory where the options ask for it and there is room.
func newFolder(opts Options, cookie string) (folder, error) {
	us, err := ourselves()
	if err != nil {
		return "", err
	}
	root := os.TempDir()
	if memory := memoryFolder(); opts.InMemory && memory != "" {
		root = memory
	}
	path, err := os.MkdirTemp(root, folderPattern)
	if err != nil {
		return "", err
	}
	f := folder(path)
	files := []struct {
		name, content string
		mode          os.FileMode
	}{
		{"owner", us.String(), 0o600},
		{"enabled_plugins", "[rabbitmq_management].\n", 0o600},
		{"advanced.config", "[].\n", 0o600},
		{"rabbitmq-env.conf", "", 0o600},
		{"home/.erlang.cookie", cookie, 0o400},
	}
	err = os.Mkdir(f.path("conf.d"), 0o700)
	for _, file := range files {
		if err != nil {
			break
		}
		err = f.write(file.name, file.content, file.mode)
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(path))
	}
	return f, nil
}

// nodeFolders are the folders of private nodes on this machine, whoever owns them.
func nodeFolders() (paths []string, err error) {
	roots := []string{os.TempDir()}
	if sharedMemory != "" {
		roots = append(roots, sharedMemory)
	}
	for _, root := range roots {
		found, err := filepath.Glob(filepath.Join(root, folderPattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// write writes a file so that who reads it meanwhile sees the old or the new one.
func (f folder) write(name, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(f.path(name+".new"), []byte(content), mode); err != nil {
		return err
	}
	return os.Rename(f.path(name+".new"), f.path(name))
}

// configure writes the node's configuration for its ports, with more lines.
func (f folder) configure(ports nodePorts, lines string) error {
	return f.write("rabbitmq.conf", fmt.Sprintf(`listeners.tcp.default = 127.0.0.1:%d
management.tcp.ip = 127.0.0.1
management.tcp.port = %d
loopback_users = none
disk_free_limit.absolute = 50MB
%s`, ports.amqp, ports.management, lines), 0o600)
}

// environment is what the node runs in: ours, without what would lead it out of its folder.
func (f folder) environment(name string, ports nodePorts, erlArgs string) []string {
	var env []string
	for _, variable := range os.Environ() {
		key, _, _ := strings.Cut(variable, "=")
		if key == "HOME" || key == "NOTIFY_SOCKET" || strings.HasPrefix(key, "RABBITMQ_") {
			continue
		}
		env = append(env, variable)
	}
	return append(env,
		"HOME="+f.path("home"),
		"RABBITMQ_NODENAME="+name,
		"RABBITMQ_NODE_PORT="+strconv.Itoa(ports.amqp),
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		"RABBITMQ_DIST_PORT="+strconv.Itoa(ports.dist),
		"RABBITMQ_MNESIA_BASE="+f.path("data"),
		"RABBITMQ_LOG_BASE="+f.path("log"),
		"RABBITMQ_PID_FILE="+f.path("beam.pid"),
		"RABBITMQ_CONFIG_FILE="+f.path("rabbitmq.conf"),
		"RABBITMQ_CONFIG_FILES="+f.path("conf.d"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+f.path("advanced.config"),
		"RABBITMQ_CONF_ENV_FILE="+f.path("rabbitmq-env.conf"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+f.path("enabled_plugins"),
		"RABBITMQ_GENERATED_CONFIG_DIR="+f.path("generated"),
		"ERL_CRASH_DUMP_SECONDS=0", // none: it takes seconds
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} "+erlArgs,
	)
}

// beam returns the pid of the node's Erlang machine, as the node wrote it.
func (f folder) beam() (pid int, ok bool) {
	text, err := os.ReadFile(f.path("beam.pid"))
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil && pid > 1
}

// logs returns what the node has said, as far as that can be read.
func (f folder) logs() string {
	var all strings.Builder
	names, _ := filepath.Glob(f.path("log/*.log"))
	for _, name := range append(names, f.path("console.log")) {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		all.Write(text)
		all.WriteByte('\n')
	}
	return all.String()
}

// tail returns the last n lines of a text that are not blank, and no more than 200 bytes of each.
func tail(text string, n int) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line[:min(len(line), 200)])
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
