package brokertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestInstall(t *testing.T) {
	const command = "env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "
	const install, update = command + "install -y --no-install-recommends rabbitmq-server", command + "update"
	for name, test := range map[string]struct {
		installer installer
		missing   string // a program that is not on PATH
		answer    bool
		failures  int // how many installs fail
		want      []string
		wantErr   string
	}{
		"forbidden":                {installer: installer{forbidden: true, root: true}, wantErr: "WARREN_NO_INSTALL=1"},
		"forbidden on a terminal":  {installer: installer{forbidden: true, terminal: true}, answer: true, wantErr: "WARREN_NO_INSTALL=1"},
		"not Debian":               {installer: installer{root: true}, missing: "apt-get", wantErr: "no apt-get"},
		"plain user":               {wantErr: "not root, and no terminal"},
		"root":                     {installer: installer{root: true}, want: []string{install}},
		"root, declined":           {installer: installer{root: true, terminal: true}, wantErr: "declined"},
		"root, agreed":             {installer: installer{root: true, terminal: true}, answer: true, want: []string{install}},
		"plain user, agreed":       {installer: installer{terminal: true}, answer: true, want: []string{"sudo " + install}},
		"plain user without sudo":  {installer: installer{terminal: true}, answer: true, missing: "sudo", wantErr: "no sudo"},
		"lists missing":            {installer: installer{root: true}, failures: 1, want: []string{install, update, install}},
		"package cannot be had":    {installer: installer{root: true}, failures: 2, want: []string{install, update, install}, wantErr: "apt-get failed"},
		"plain user lists missing": {installer: installer{terminal: true}, answer: true, failures: 1, want: []string{"sudo " + install, "sudo " + update, "sudo " + install}},
	} {
		t.Run(name, func(t *testing.T) {
			var ran []string
			var out strings.Builder
			i := test.installer
			i.name = serverName
			i.out = &out
			i.lookPath = func(program string) (string, error) {
				if program == test.missing {
					return "", errors.New("not found")
				}
				return "/usr/bin/" + program, nil
			}
			i.ask = func(context.Context, string) (bool, error) { return test.answer, nil }
			i.lock = func(context.Context) (func(), error) { return func() {}, nil }
			i.run = func(_ context.Context, command ...string) error {
				ran = append(ran, strings.Join(command, " "))
				if slices.Contains(command, "install") && len(ran) <= 2*test.failures-1 {
					return errors.New("apt-get failed")
				}
				return nil
			}
			err := i.install(t.Context())
			if !slices.Equal(ran, test.want) {
				t.Errorf("ran %q, want %q", ran, test.want)
			}
			if aloud := strings.Contains(out.String(), "installing rabbitmq-server"); aloud != (len(test.want) > 0) {
				t.Errorf("told %q", out.String())
			}
			if test.wantErr == "" && err != nil || test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)) {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
		})
	}
}
