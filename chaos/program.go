package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/warrenmq/warren/internal/logging"
)

// warrenModule is the module of the programs, which this one's go.mod takes from the same checkout. They are built by
// its own go.mod: this one does not have all that they need.
const warrenModule = "github.com/warrenmq/warren"

// build builds one of Warren's programs in a folder and returns where it is.
func build(ctx context.Context, pkg, folder string, log io.Writer) (string, error) {
	where := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", warrenModule)
	where.Stderr = log
	root, err := where.Output()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", warrenModule, err)
	}
	program := filepath.Join(folder, path.Base(pkg))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, pkg)
	cmd.Dir = strings.TrimSpace(string(root))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", pkg, err)
	}
	return program, nil
}

// withProgram builds one of Warren's programs, calls a function with where it is, and removes it.
func withProgram(ctx context.Context, pkg string, log io.Writer, do func(program string) error) (err error) {
	folder, err := os.MkdirTemp("", "warren-"+path.Base(pkg)+"-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program, err := build(ctx, pkg, folder, log)
	if err != nil {
		return err
	}
	return do(program)
}

// bareEnvironment is the environment of this process without what would have one of Warren's programs
// connect to another broker than its configuration says, or log at another level.
func bareEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"WARREN_URL", "AMQP_URL", logging.EnvLevel}, name)
	})
}
