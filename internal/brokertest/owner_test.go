package brokertest

import (
	"os/exec"
	"testing"
)

func TestOwnerGone(t *testing.T) {
	us, err := ourselves()
	if err != nil {
		t.Fatal(err)
	}
	other := func(change func(*owner)) owner {
		o := us
		change(&o)
		return o
	}
	for name, test := range map[string]struct {
		owner owner
		want  bool
	}{
		"ourselves":                 {us, false},
		"ended":                     {deadOwner(t), true},
		"another with our pid":      {other(func(o *owner) { o.start += "0" }), true},
		"on another host":           {other(func(o *owner) { o.host += "-other" }), false},
		"ended, on another host":    {owner{host: us.host + "-other", pid: deadOwner(t).pid, start: "1"}, false},
		"a pid that cannot be used": {owner{host: us.host, pid: 1 << 30, start: "1"}, true},
	} {
		if got := test.owner.gone(); got != test.want {
			t.Errorf("%s: gone() = %v, want %v", name, got, test.want)
		}
	}
}

func TestParseOwner(t *testing.T) {
	us, err := ourselves()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseOwner(us.String() + "\n"); err != nil || got != us {
		t.Errorf("parseOwner(%q) = %v, %v", us, got, err)
	}
	for _, text := range []string{"", detachedOwner, "host", "host one 2", "host 1 2 3"} {
		if _, err := parseOwner(text); err == nil {
			t.Errorf("parseOwner(%q) is taken for an owner", text)
		}
	}
}

// deadOwner is a process that has ended.
func deadOwner(t *testing.T) owner {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return o
}
