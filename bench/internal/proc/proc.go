// Package proc tells what processes have used, as Linux's /proc has it: CPU time and memory of a process
// with all that descend from it, and of a process group.
//
// It owns the reading of /proc. It must not know what the processes are.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is what /proc counts CPU time in, USER_HZ, which is 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// ErrNone is returned where there is no process to be told of.
var ErrNone = errors.New("no such process")

// Usage is what processes have used until now.
type Usage struct {
	// CPU is the time they have computed, with that of their children that have ended.
	CPU time.Duration
	// Bytes is the memory that they have resident; what several share is divided among them (PSS).
	Bytes int64
}

// stat is what a process tells in /proc/PID/stat.
type stat struct {
	pid, parent, group int
	cpu                time.Duration
}

// parseStat reads a line of /proc/PID/stat. The command's name, in parentheses, may hold anything.
func parseStat(line string) (stat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("no name in %q", line)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%d fields behind the name in %q", len(fields), line)
	}
	var s stat
	var ticks int64
	var failures []error
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		failures = append(failures, err)
		return n
	}
	s.pid = int(number(strings.TrimSpace(line[:open])))
	s.parent, s.group = int(number(fields[1])), int(number(fields[2]))
	for _, field := range fields[11:15] { // user and system time, its own and its ended children's
		ticks += number(field)
	}
	s.cpu = time.Duration(ticks) * (time.Second / ticksPerSecond)
	return s, errors.Join(failures...)
}

// all returns every process there is at the moment.
func all() ([]stat, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var found []stat
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := parseStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		found = append(found, s)
	}
	return found, nil
}

// Tree tells what a process and all that descend from it have used.
func Tree(root int) (Usage, error) {
	found, err := all()
	if err != nil {
		return Usage{}, err
	}
	return sum(descendants(found, root))
}

// descendants are a process and all that descend from it.
func descendants(found []stat, root int) []stat {
	children := map[int][]stat{}
	var tree []stat
	for _, s := range found {
		children[s.parent] = append(children[s.parent], s)
		if s.pid == root {
			tree = append(tree, s)
		}
	}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].pid]...)
	}
	return tree
}

// Group tells what the processes of a group have used.
func Group(group int) (Usage, error) {
	found, err := all()
	if err != nil {
		return Usage{}, err
	}
	var members []stat
	for _, s := range found {
		if s.group == group {
			members = append(members, s)
		}
	}
	return sum(members)
}

func sum(processes []stat) (Usage, error) {
	if len(processes) == 0 {
		return Usage{}, ErrNone
	}
	var u Usage
	for _, s := range processes {
		u.CPU += s.cpu
		bytes, err := proportional(s.pid)
		if err != nil {
			return Usage{}, err
		}
		u.Bytes += bytes
	}
	return u, nil
}

// proportional is the PSS of a process, 0 of one that has ended.
func proportional(pid int) (int64, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if errors.Is(err, fs.ErrPermission) {
		return 0, err
	}
	if err != nil {
		return 0, nil //nolint:nilerr // it has ended meanwhile: no file, or none that can be read any more
	}
	return parsePSS(string(text))
}

// parsePSS reads the line "Pss: 123 kB".
func parsePSS(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, "Pss:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, nil // a process that is about to end has no memory
}

// Inside returns the one process of a program whose pid is the given one where it runs, which may be a
// container on this machine.
func Inside(program string, pid int) (int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return 0, err
	}
	var matches []int
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		if name, inner := parseStatus(string(text)); name == program && inner == pid {
			outer, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				return 0, err
			}
			matches = append(matches, outer)
		}
	}
	if len(matches) != 1 {
		return 0, fmt.Errorf("%d processes are a %s whose pid is %d: %w", len(matches), program, pid, ErrNone)
	}
	return matches[0], nil
}

// parseStatus returns a process's name, and its pid in the innermost of its namespaces.
func parseStatus(text string) (name string, pid int) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		switch {
		case key == "Name":
			name = strings.TrimSpace(value)
		case key == "NSpid" && len(fields) > 0:
			pid, _ = strconv.Atoi(fields[len(fields)-1])
		}
	}
	return name, pid
}
