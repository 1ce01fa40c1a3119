package promtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/warrenmq/warren/internal/brokertest"
)

// packageName is what brings both programs to a Debian machine.
const packageName = "prometheus"

// ErrNoPrometheus is returned by [Find] where the programs cannot be had; what wraps it says why.
var ErrNoPrometheus = errors.New("no Prometheus can be had")

// Options say how [Find] speaks with the user.
type Options struct {
	// Out is told, one line, what is installed. Defaults to nowhere.
	Out io.Writer
	// In is asked before something is installed, if it is a terminal. Defaults to none.
	In *os.File
}

// Programs are the paths of the two programs.
type Programs struct {
	Prometheus, Promtool string
}

// Find returns the programs on PATH, and installs Debian's prometheus first where they are not there and
// that may be done.
func Find(ctx context.Context, opts Options) (Programs, error) {
	p, err := lookUp(exec.LookPath)
	if err == nil {
		return p, nil
	}
	if failed := brokertest.Install(ctx, packageName, brokertest.Options{Out: opts.Out, In: opts.In}); failed != nil {
		return Programs{}, fmt.Errorf("promtest: %w: %w, and %s cannot be installed: %w", ErrNoPrometheus, err, packageName, failed)
	}
	if p, err = lookUp(exec.LookPath); err != nil {
		return Programs{}, fmt.Errorf("promtest: %w: %w", ErrNoPrometheus, err)
	}
	return p, nil
}

func lookUp(lookPath func(string) (string, error)) (Programs, error) {
	prometheus, failed := lookPath("prometheus")
	promtool, err := lookPath("promtool")
	return Programs{Prometheus: prometheus, Promtool: promtool}, errors.Join(failed, err)
}

// Check runs promtool in a folder. The error of a check that fails holds what promtool has said.
func (p Programs) Check(ctx context.Context, folder string, args ...string) error {
	cmd := exec.CommandContext(ctx, p.Promtool, args...)
	cmd.Dir = folder
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("promtool %s: %w\n%s", strings.Join(args, " "), err, said)
	}
	return nil
}
