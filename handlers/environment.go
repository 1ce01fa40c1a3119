package handlers

import (
	"encoding/json"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// environment returns the environment of a task's program: the inherited one, and the task's
// variables in place of any that it holds already. Those of the task that are not set are removed
// from it: a worker may itself run within the environment of a task, or of a trace.
func environment(inherited []string, t *tasks.Task) []string {
	told := append(attributes(t),
		attribute{attributeContentType, t.ContentType},
		attribute{attributeContentEncoding, t.ContentEncoding},
		attribute{tasks.HeaderErrors, jsonArray(t.Errors)},
		attribute{tasks.HeaderTraceParent, t.TraceParent},
		attribute{tasks.HeaderTraceState, t.TraceState},
	)
	ours := make(map[string]bool, len(told))
	for _, a := range told {
		ours[variable(a.name)] = true
	}
	env := make([]string, 0, len(inherited)+len(told))
	for _, entry := range inherited {
		if name, _, _ := strings.Cut(entry, "="); !ours[name] {
			env = append(env, entry)
		}
	}
	for _, a := range told {
		if a.value != "" {
			// With a NUL in its environment no program starts.
			env = append(env, variable(a.name)+"="+strings.ReplaceAll(a.value, "\x00", "\uFFFD"))
		}
	}
	return env
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
