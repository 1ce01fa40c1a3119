package handlers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// environmentBytes bounds what a task may add to the environment of its program, well below what
// any system takes (Linux: 128 KiB for one variable).
const environmentBytes = 64 << 10

// environment returns the environment of a task's program: the inherited one without what is ours
// in it, and the task's variables. Ours are the broker's credentials, which are no business of a
// program that runs what others have sent, and what was told of another task or trace: a worker may
// itself run within one. A task with too much to tell is an error.
func environment(inherited []string, t *tasks.Task) ([]string, error) {
	told := append(attributes(t),
		attribute{attributeContentType, t.ContentType},
		attribute{attributeContentEncoding, t.ContentEncoding},
		attribute{tasks.HeaderErrors, jsonArray(t.Errors)},
		attribute{tasks.HeaderTraceParent, t.TraceParent},
		attribute{tasks.HeaderTraceState, t.TraceState},
	)
	env := make([]string, 0, len(inherited)+len(told))
	for _, entry := range inherited {
		if name, _, _ := strings.Cut(entry, "="); !isOurs(name) {
			env = append(env, entry)
		}
	}
	size := 0
	for _, a := range told {
		if a.value == "" {
			continue
		}
		// With a NUL in its environment no program starts.
		entry := variable(a.name) + "=" + strings.ReplaceAll(a.value, "\x00", "\uFFFD")
		size += len(entry)
		env = append(env, entry)
	}
	if size > environmentBytes {
		return nil, fmt.Errorf("the task carries %d bytes beside its payload, and a program's environment takes %d of them",
			size, environmentBytes)
	}
	return env, nil
}

// systemd are the variables by which systemd is told of a service: a program is not the service.
var systemd = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}

// isOurs reports whether a variable is not to be inherited. Some systems take no notice of case.
func isOurs(name string) bool {
	name = strings.ToUpper(name)
	return strings.HasPrefix(name, variable(tasks.HeaderPrefix)) || name == "AMQP_URL" || slices.Contains(systemd, name) ||
		name == variable(tasks.HeaderTraceParent) || name == variable(tasks.HeaderTraceState)
}

// variable returns the name of the environment variable for a header: warren-task-id becomes
// WARREN_TASK_ID.
func variable(header string) string {
	return strings.ToUpper(strings.ReplaceAll(header, "-", "_"))
}

// jsonArray returns texts as a JSON array, since they may hold any separator; nothing for none.
func jsonArray(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	text, _ := json.Marshal(texts) // strings always marshal
	return string(text)
}
