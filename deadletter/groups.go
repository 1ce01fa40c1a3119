package deadletter

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/warrenmq/warren/tasks"
)

// MaxGroups bounds how many groups are told apart. Letters of further ones are counted together.
const MaxGroups = 1000

// Group is letters that died of the same. Its JSON is one object, whose field names are for ever.
type Group struct {
	Count int `json:"count"`
	// Queue is the records' queue.
	Queue string `json:"queue"`
	// Reason is the letters', empty for parked tasks.
	Reason tasks.Reason `json:"reason"`
	// Error is what their errors have in common, as [ErrorTemplate] has it.
	Error string `json:"error"`
	// Keys is a pattern that matches the routing keys of all of them, and as few others as can be told
	// in one: their key where it is one.
	Keys string `json:"keys"`
	// First and Last are when the first and the last of them died; the zero time, and no field, where
	// nothing tells.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Example is the ID of one of them, empty where none has an ID.
	Example string `json:"example"`
	// ExampleError is the error of the first of them as it is, at most tasks.MaxErrorBytes of it.
	ExampleError string `json:"-"`
	// Others says that these are letters of various groups, beyond MaxGroups: they have a count, keys
	// and times in common, and no more.
	Others bool `json:"others,omitempty"`
}

// Groups counts letters by their queue, their reason, and what their errors have in common. Its memory
// is bounded, whatever it is given. The zero value is ready for use, by one goroutine at a time.
type Groups struct {
	groups map[groupKey]*counted
	others counted

	text, template string // the error that was seen last: most come in runs
}

type groupKey struct {
	queue  string
	reason tasks.Reason
	error  string
}

// counted is a group that is being counted.
type counted struct {
	Group
	keys cover
}

// Add counts a letter.
func (g *Groups) Add(r *Record) {
	if r.Error != g.text {
		g.text, g.template = r.Error, ErrorTemplate(r.Error)
	}
	key := groupKey{r.Queue, r.Reason, g.template}
	group := g.groups[key]
	switch {
	case group != nil:
	case len(g.groups) == MaxGroups:
		group = &g.others
		group.Others = true
	default:
		if g.groups == nil {
			g.groups = map[groupKey]*counted{}
		}
		// The texts are parts of a message, which is not to be kept for them.
		key = groupKey{strings.Clone(r.Queue), tasks.Reason(strings.Clone(string(r.Reason))), strings.Clone(g.template)}
		text := strings.Clone(tasks.Cut(r.Error, tasks.MaxErrorBytes))
		group = &counted{Group: Group{Queue: key.queue, Reason: key.reason, Error: key.error, ExampleError: text}}
		g.groups[key] = group
	}
	group.add(r)
}

func (c *counted) add(r *Record) {
	c.Count++
	c.keys.add(r.Key)
	if c.Example == "" && !c.Others {
		c.Example = strings.Clone(r.ID)
	}
	if r.FailedAt.IsZero() {
		return
	}
	if c.First.IsZero() || r.FailedAt.Before(c.First) {
		c.First = r.FailedAt
	}
	if r.FailedAt.After(c.Last) {
		c.Last = r.FailedAt
	}
}

// List returns the groups, the largest first and the others last.
func (g *Groups) List() []Group {
	list := make([]Group, 0, len(g.groups)+1)
	for _, group := range g.groups {
		list = append(list, group.told())
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Last.Compare(a.Last), cmp.Compare(a.Queue, b.Queue),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Error, b.Error))
	})
	if g.others.Count > 0 {
		list = append(list, g.others.told())
	}
	return list
}

func (c *counted) told() Group {
	group := c.Group
	group.Keys = c.keys.pattern()
	return group
}
