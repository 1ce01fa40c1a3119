package config

import (
	"errors"

	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

// schedule reads the section of one schedule entry, and returns where its payload is. That may be any
// YAML value; its tasks carry it as JSON, an absent one as scheduler.DefaultPayload.
func (v value) schedule(name string) (e scheduler.Entry, payload value) {
	e.Name, payload = name, v
	fields := map[string]value{"name": v}
	unread := map[string]bool{}
	text := func(field string, to *string) func(value) {
		return func(v value) {
			fields[field] = v
			unread[field] = !v.text(to)
		}
	}
	if !v.fields(map[string]func(value){
		"cron":     text("cron", &e.Cron),
		"tz":       text("tz", &e.TZ),
		"key":      text("key", &e.Key),
		"payload":  func(v value) { e.Payload, payload = v.json(), v },
		"priority": func(v value) { v.integer(&e.Priority, tasks.MinPriority, tasks.MaxPriority) },
	}) {
		return e, payload
	}
	for _, problem := range entryErrors(e.Validate()) {
		if unread[problem.Field] {
			continue // it was said why
		}
		at, given := fields[problem.Field]
		if !given {
			at = v.child(problem.Field, v.line, v.node)
		}
		at.failWith(problem.Err)
	}
	return e.WithDefaults(), payload
}

// entryErrors takes apart what Validate has joined.
func entryErrors(err error) []*scheduler.EntryError {
	var problems []*scheduler.EntryError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			var problem *scheduler.EntryError
			if errors.As(err, &problem) {
				problems = append(problems, problem)
			}
		}
	}
	return problems
}
