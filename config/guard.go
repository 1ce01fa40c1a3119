package config

import (
	"strings"

	"github.com/warrenmq/warren/guard"
	"github.com/warrenmq/warren/tasks"
)

// Guard is what is refused at enqueue: payloads with fields that are named like credentials. The zero
// value refuses nothing.
type Guard struct {
	// Fields are the names, as guard.NewChecker takes them. Where the section is there they default to
	// guard.DefaultFields.
	Fields []string
}

// Before puts the guard before an enqueuer, if there is a guard.
func (g Guard) Before(next guard.Next) guard.Next {
	if len(g.Fields) == 0 {
		return next
	}
	return guard.New(next, g.Fields...)
}

// Check returns an error as of guard.Checker where a task would be refused.
func (g Guard) Check(t *tasks.Task) error {
	if len(g.Fields) == 0 {
		return nil
	}
	return guard.NewChecker(g.Fields...).Check(t)
}

func (v value) guard(to *Guard) {
	given := false
	v.fields(map[string]func(value){"fields": func(v value) {
		given = true
		read := v.list(func(v value) {
			var name string
			switch {
			case !v.text(&name):
			case strings.Trim(name, "_-") == "":
				v.fail("%.40q is not a name", name)
			default:
				to.Fields = append(to.Fields, name)
			}
		})
		if read && len(v.node.Content) == 0 {
			v.fail("it names nothing; leave out guard, to have none, or fields, to have the default")
		}
	}})
	if !given {
		to.Fields = guard.DefaultFields()
	}
}
