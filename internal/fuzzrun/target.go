package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// killAfter is how long a target that was told to end may take before it is killed.
const killAfter = 10 * time.Second

// selection is which targets to run.
type selection struct {
	packages []string // patterns of go list
	names    []string // of targets; none: all of the packages
}

// selectionOf reads arguments: what looks like a path is packages, another is a target.
func selectionOf(args []string) selection {
	var s selection
	for _, arg := range args {
		if strings.HasPrefix(arg, "Fuzz") {
			s.names = append(s.names, arg)
		} else {
			s.packages = append(s.packages, arg)
		}
	}
	if len(s.packages) == 0 {
		s.packages = []string{"./..."}
	}
	return s
}

// target is one fuzz function.
type target struct {
	name         string
	shown        string // the package as it is shown
	importPath   string
	testdataFuzz string // where go test writes what failed
}

func (t target) String() string { return t.shown + " " + t.name }

// errNoTarget is that of a selection without any.
var errNoTarget = errors.New("no fuzz target")

// find returns the selected targets, by package.
func find(ctx context.Context, s selection) ([]target, error) {
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,ImportPath,Module,TestGoFiles,XTestGoFiles", "--"}, s.packages...)...)
	var problem bytes.Buffer
	list.Stderr = &problem
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w: %s", strings.Join(s.packages, " "), err, bytes.TrimSpace(problem.Bytes()))
	}
	var all []target
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath           string
			Module                    struct{ Path string }
			TestGoFiles, XTestGoFiles []string
		}
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(all) == 0 {
				return nil, fmt.Errorf("%w in %s %s", errNoTarget, strings.Join(s.packages, " "), strings.Join(s.names, " "))
			}
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			names, err := targetsOf(filepath.Join(p.Dir, file))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if len(s.names) == 0 || slices.Contains(s.names, name) {
					all = append(all, target{
						name: name, importPath: p.ImportPath, shown: "." + strings.TrimPrefix(p.ImportPath, p.Module.Path),
						testdataFuzz: filepath.Join(p.Dir, "testdata", "fuzz", name),
					})
				}
			}
		}
	}
}

// targetsOf returns the names of the fuzz functions in a file.
func targetsOf(path string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, declaration := range file.Decls {
		f, is := declaration.(*ast.FuncDecl)
		if is && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") && f.Type.Params.NumFields() == 1 {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}

// run fuzzes a target for so long. The error is that of a target that could not be run; one that failed is a result.
func (t target) run(ctx context.Context, each time.Duration) (result, error) {
	before, err := t.inputs()
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(), t.importPath)
	// go test leaves what it runs behind when it alone is killed, so the whole group is told.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = killAfter
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return result{}, fmt.Errorf("%s: %w", t, err)
	}
	after, wrong := t.inputs()
	if wrong != nil {
		return result{}, wrong
	}
	return judge(run{
		target: t.name, asked: each, failed: err != nil, output: string(output), wrote: !slices.Equal(before, after), took: time.Since(start),
	}), nil
}

// inputs returns the names of the inputs that go test keeps with the target's source.
func (t target) inputs() ([]string, error) {
	entries, err := os.ReadDir(t.testdataFuzz)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}
