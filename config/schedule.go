package config

import (
	"bytes"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/warrenmq/warren/scheduler"
	"github.com/warrenmq/warren/tasks"
)

// schedule reads the section of one schedule entry, and returns where its payload is. That may be any
// YAML value; its tasks carry it as JSON, an absent one as scheduler.DefaultPayload. One with a text
// that has "{{" in it is a template.
func (v value) schedule(name string) (e scheduler.Entry, payload value) {
	e.Name, payload = name, v
	fields := map[string]value{"name": v}
	unread := map[string]bool{}
	field := func(field string, read func(v value) bool) func(value) {
		return func(v value) {
			fields[field] = v
			unread[field] = !read(v)
		}
	}
	text := func(name string, to *string) func(value) {
		return field(name, func(v value) bool { return v.text(to) })
	}
	if !v.fields(map[string]func(value){
		"id":   text("id", &e.ID),
		"cron": text("cron", &e.Cron),
		"every": field("every", func(v value) bool {
			return v.duration(&e.Every, scheduler.MinEvery, scheduler.MaxEvery)
		}),
		"at":       text("at", &e.At),
		"tz":       text("tz", &e.TZ),
		"jitter":   func(v value) { v.duration(&e.Jitter, 0, scheduler.MaxJitter) },
		"key":      text("key", &e.Key),
		"payload":  func(v value) { payload = v; v.payload(&e) },
		"priority": func(v value) { v.integer(&e.Priority, tasks.MinPriority, tasks.MaxPriority) },
		"catch_up": func(v value) { v.catchUp(&e.CatchUp, fields) },
	}) {
		return e, payload
	}
	if unread["cron"] || unread["every"] || unread["at"] { // whether one says when is not known
		unread["cron"], unread["every"], unread["at"] = true, true, true
	}
	for _, problem := range entryErrors(e.Validate()) {
		if unread[problem.Field] {
			continue // it was said why
		}
		at, given := fields[problem.Field]
		if path, ok := strings.CutPrefix(problem.Field, "payload"); ok {
			at = payload.find(path)
		} else if !given {
			at = v.child(problem.Field, v.line, v.node)
		}
		at.failWith(problem.Err)
	}
	return e.WithDefaults(), payload
}

// payload reads the payload of an entry.
func (v value) payload(to *scheduler.Entry) {
	text := v.json()
	if !bytes.Contains(text, []byte("{{")) { // which JSON has only within its texts
		to.Payload = text
		return
	}
	template, err := scheduler.ParseTemplate(text)
	if err == nil {
		to.Template = template
		return
	}
	for _, err := range joined(err) {
		var wrong *scheduler.TemplateError
		if errors.As(err, &wrong) {
			v.find(wrong.Path).failWith(wrong.Err)
		}
	}
}

// catchUp reads what becomes of missed ticks, a policy or a mapping, and notes where its fields are.
func (v value) catchUp(to *scheduler.CatchUp, fields map[string]value) {
	policy := func(v value) {
		var text string
		if v.text(&text) {
			to.Policy = scheduler.CatchUpPolicy(text)
			fields["catch_up.policy"] = v
			if text == "" {
				v.fail("it is empty")
			}
		}
	}
	if v.node.Kind != yaml.MappingNode {
		policy(v)
		return
	}
	v.fields(map[string]func(value){
		"policy": policy,
		"max": func(v value) {
			fields["catch_up.max"] = v
			v.integer(&to.Max, 1, scheduler.MaxCatchUpMax)
		},
		"spacing": func(v value) {
			fields["catch_up.spacing"] = v
			if v.duration(&to.Spacing, 0, scheduler.MaxCatchUpSpacing) && to.Spacing == 0 {
				to.Spacing = scheduler.NoCatchUpSpacing
			}
		},
	})
}

// entryErrors takes apart what Validate has joined.
func entryErrors(err error) []*scheduler.EntryError {
	var problems []*scheduler.EntryError
	for _, err := range joined(err) {
		var problem *scheduler.EntryError
		if errors.As(err, &problem) {
			problems = append(problems, problem)
		}
	}
	return problems
}

// joined takes apart what errors.Join has joined; any other error is alone.
func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
