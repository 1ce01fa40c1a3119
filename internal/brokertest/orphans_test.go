package brokertest

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeServer stands for rabbitmq-server: a script with a child that writes its pid as the Erlang
// machine does.
const fakeServer = `#!/bin/sh
sh -c 'echo $$ >beam.pid; exec sleep 300' &
wait`

func TestRemoveAbandonedNodes(t *testing.T) {
	for name, test := range map[string]struct {
		owner       func(t *testing.T) string
		killScript  bool // the script has ended, the Erlang machine under it has not
		is          abandoned
		wantRemoved bool
	}{
		"of a living process":       {owner: ownedByUs, is: orphaned},
		"of an ended process":       {owner: ownedByDead, is: orphaned, wantRemoved: true},
		"without its script":        {owner: ownedByDead, killScript: true, is: orphaned, wantRemoved: true},
		"detached":                  {owner: ownedByNobody, is: orphaned},
		"detached, to be closed":    {owner: ownedByNobody, is: detached, wantRemoved: true},
		"living, to close detached": {owner: ownedByUs, is: detached},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			f, p := fakeNode(t)
			beam, _ := f.beam()
			if test.killScript {
				if err := syscall.Kill(p.self.pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				<-p.done
			}
			if err := f.write("owner", test.owner(t), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := removeAbandonedNodes(t.Context(), &out, test.is); err != nil {
				t.Fatal(err)
			}
			_, err := os.Stat(string(f))
			_, alive := processStart(beam)
			if removed := errors.Is(err, os.ErrNotExist); removed != test.wantRemoved || alive == test.wantRemoved {
				t.Errorf("removed: %v, alive: %v; told %q", removed, alive, out.String())
			}
			if told := strings.Contains(out.String(), string(f)); told != test.wantRemoved {
				t.Errorf("told %q", out.String())
			}
		})
	}
}

// A process that got the number of a node's is not killed for it.
func TestKillSparesStrangers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f, p := fakeNode(t)
	stranger := p.self
	stranger.start += "0"
	if err := killSession(t.Context(), stranger, f.beam); err != nil {
		t.Fatal(err)
	}
	elsewhere := p.self
	elsewhere.host += "-other"
	if err := f.killRecorded(t.Context(), elsewhere.String()); err == nil {
		t.Error("a process of another host was taken for ours")
	}
	if p.ended() {
		t.Error("a stranger was killed")
	}
}

// fakeNode launches fakeServer in a folder and waits until it has written its pid.
func fakeNode(t *testing.T) (folder, *process) {
	t.Helper()
	f, err := newFolder(Options{}, "cookie")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.write("server", fakeServer, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := launch(f.path("server"), os.Environ(), string(f), f.path("console.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.kill(context.Background(), f.beam); err != nil {
			t.Error(err)
		}
	})
	if err := f.write("process", p.self.String(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err = poll(ctx, func(context.Context) error {
		if pid, ok := f.beam(); !ok || !inGroup(pid, p.self.pid) {
			return errors.New("the fake server has not written its pid")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, p
}

func ownedByUs(t *testing.T) string {
	us, err := ourselves()
	if err != nil {
		t.Fatal(err)
	}
	return us.String()
}

func ownedByDead(t *testing.T) string { return deadOwner(t).String() }

func ownedByNobody(*testing.T) string { return detachedOwner }
