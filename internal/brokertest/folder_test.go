package brokertest

import (
	"os"
	"strings"
	"testing"
)

func TestFolderEnvironment(t *testing.T) {
	t.Setenv("RABBITMQ_NODENAME", "theirs")
	t.Setenv("RABBITMQ_USE_LONGNAME", "true")
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("KEPT", "yes")
	got := map[string]string{}
	for _, variable := range folder("/f").environment("warren-x@localhost", nodePorts{amqp: 1, dist: 2, management: 3}, "-rabbit one 1") {
		key, value, _ := strings.Cut(variable, "=")
		if _, twice := got[key]; twice {
			t.Errorf("%s is set twice", key)
		}
		got[key] = value
	}
	for key, want := range map[string]string{
		"RABBITMQ_NODENAME":     "warren-x@localhost",
		"RABBITMQ_NODE_PORT":    "1",
		"RABBITMQ_DIST_PORT":    "2",
		"RABBITMQ_USE_LONGNAME": "",
		"NOTIFY_SOCKET":         "",
		"HOME":                  "/f/home",
		"KEPT":                  "yes",

		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} -rabbit one 1",
	} {
		if got[key] != want {
			t.Errorf("%s=%q, want %q", key, got[key], want)
		}
	}
}

func TestNewFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f, err := newFolder(Options{}, "cookie")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.path("home/.erlang.cookie"))
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the cookie: %v, %v; Erlang wants it readable by its owner alone", info, err)
	}
	owner, err := os.ReadFile(f.path("owner"))
	if us, _ := ourselves(); err != nil || string(owner) != us.String() {
		t.Errorf("owner %q, %v, want %q", owner, err, us)
	}
}

func TestTail(t *testing.T) {
	long := strings.Repeat("x", 300)
	for text, want := range map[string]string{
		"":               "",
		"a\n\nb \r\nc\n": "b\nc",
		"a":              "a",
		"a\n" + long:     "a\n" + long[:200],
	} {
		if got := tail(text, 2); got != want {
			t.Errorf("tail(%q) = %q, want %q", text, got, want)
		}
	}
}
