package doctor

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// needs are the rights that the roles need for a topology, each once, with the roles that need it.
type needs struct {
	rights []broker.Right
	roles  map[broker.Right][]Role
}

func (n *needs) add(role Role, permission broker.Permission, exchange bool, names ...string) {
	for _, name := range names {
		r := broker.Right{Permission: permission, Exchange: exchange, Name: name}
		if _, known := n.roles[r]; !known {
			n.rights = append(n.rights, r)
		}
		if !slices.Contains(n.roles[r], role) {
			n.roles[r] = append(n.roles[r], role)
		}
	}
}

// needed returns what the roles need: workers and schedulers declare all of the topology, everybody
// publishes, workers consume their queues, operators read what is dead.
func needed(t *routing.Topology, names routing.Names, roles []Role) needs {
	n := needs{roles: map[broker.Right][]Role{}}
	for _, role := range roles {
		n.add(role, broker.Write, true, broker.DefaultExchange, names.Strict())
		for _, e := range t.Exchanges {
			if strings.HasPrefix(e.Name, names.LadderExchange(0)[:len(names.LadderExchange(0))-2]) {
				n.add(role, broker.Write, true, e.Name)
			}
		}
		n.add(role, broker.Read, false, names.Control())
		if role == Operator {
			n.operator(t)
		} else {
			n.daemon(role, t, names)
		}
	}
	return n
}

// operator adds what `warren dead` and `warren history` need.
func (n *needs) operator(t *routing.Topology) {
	for _, q := range t.Queues {
		if q.Role == routing.RoleDead || q.Role == routing.RoleUnrouted {
			n.add(Operator, broker.Read, false, q.Name)
			n.add(Operator, broker.Configure, false, q.Name)
		}
	}
	for _, s := range t.Streams {
		n.add(Operator, broker.Read, false, s.Name)
	}
}

// daemon adds what a worker or a scheduler needs.
func (n *needs) daemon(role Role, t *routing.Topology, names routing.Names) {
	for _, e := range t.Exchanges {
		n.add(role, broker.Configure, true, e.Name)
		if e.Alternate != "" {
			n.add(role, broker.Read, true, e.Name)
			n.add(role, broker.Write, true, e.Alternate)
		}
	}
	for _, q := range append(append([]routing.Queue(nil), t.Queues...), t.Streams...) {
		n.add(role, broker.Configure, false, q.Name)
		if exchange, _ := q.Arguments[routing.ArgDeadLetterExchange].(string); exchange != "" {
			n.add(role, broker.Read, false, q.Name)
			n.add(role, broker.Write, true, exchange)
		}
	}
	for _, b := range t.Bindings {
		n.add(role, broker.Write, b.ToExchange, b.Destination)
		n.add(role, broker.Read, true, b.Source)
	}
	if role == Worker {
		n.add(role, broker.Write, true, names.Dead())
		return
	}
	for _, s := range t.Streams {
		if s.Name == names.Schedule() || s.Name == names.Lease() {
			n.add(role, broker.Read, false, s.Name)
		}
	}
}

// Rights are the rights that the user needs for a topology.
func (s *Setup) Rights(t *routing.Topology) []broker.Right {
	n := needed(t, s.Spec.Names, s.Roles)
	return n.rights
}

// RefusedBy returns which of the rights a user does not have by the patterns of its permissions; false
// where a pattern is one that only RabbitMQ can read.
func RefusedBy(p broker.Permissions, rights []broker.Right) ([]broker.Right, bool) {
	patterns := map[broker.Permission]*regexp.Regexp{}
	for permission, text := range map[broker.Permission]string{broker.Configure: p.Configure, broker.Write: p.Write, broker.Read: p.Read} {
		if text == "" {
			text = "^$"
		}
		compiled, err := regexp.Compile(text)
		if err != nil {
			return nil, false
		}
		patterns[permission] = compiled
	}
	var refused []broker.Right
	for _, r := range rights {
		if !patterns[r.Permission].MatchString(r.Name) {
			refused = append(refused, r)
		}
	}
	return refused, true
}

// checkPermissions tells which permissions the user lacks, one finding for each of RabbitMQ's three.
func checkPermissions(f *Facts) (found []Finding) {
	if err := f.Refused.Err; err != nil {
		return notMade("permissions", err)
	}
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	needs := needed(&f.Topology.Value, f.names(), f.Roles)
	for _, permission := range []broker.Permission{broker.Configure, broker.Write, broker.Read} {
		var names []string
		var roles []string
		for _, r := range f.Refused.Value {
			if r.Permission != permission {
				continue
			}
			if !slices.Contains(names, r.Name) { // an exchange and a queue may share one
				names = append(names, r.Name)
			}
			for _, role := range needs.roles[r] {
				if !slices.Contains(roles, string(role)) {
					roles = append(roles, string(role))
				}
			}
		}
		if len(names) == 0 {
			continue
		}
		found = append(found, Finding{
			Severity: Error, Subject: "user " + f.User,
			Message: fmt.Sprintf("no %s permission on %s, which is needed by: %s", permission, enumerated(names), strings.Join(roles, ", ")),
			Remedy:  f.setPermissions(),
		})
	}
	return found
}

// setPermissions is the command that gives the user what it needs, beside what it is known to have.
func (f *Facts) setPermissions() string {
	command := fmt.Sprintf("rabbitmqctl set_permissions -p %s %s ", quoted(f.Vhost), quoted(f.User))
	if f.Survey.Permissions.Err != nil {
		return command + f.patterns(broker.Permissions{}) + "   # in place of all that it has; add to it what else it needs"
	}
	return command + f.patterns(f.Survey.Permissions.Value)
}

// patterns are the three patterns, configure, write and read, that cover what is needed and what there
// is.
func (f *Facts) patterns(has broker.Permissions) string {
	var queues []string
	for _, q := range f.Spec.Queues {
		queues = append(queues, regexp.QuoteMeta(q.Name)+`(\.dead)?`)
	}
	names := append([]string{regexp.QuoteMeta(strings.TrimSuffix(f.names().Tasks(), "tasks")) + ".*"}, queues...)
	all := "^(" + strings.Join(names, "|") + ")$"
	write := "^(" + strings.Join(append(names, regexp.QuoteMeta(broker.DefaultExchange)), "|") + ")$"
	merged := func(has, needs string) string {
		switch has {
		case "", "^$", needs:
			return quoted(needs)
		case ".*":
			return quoted(has)
		}
		return quoted("(" + has + ")|" + needs)
	}
	return strings.Join([]string{merged(has.Configure, all), merged(has.Write, write), merged(has.Read, all)}, " ")
}

// anyOf is the pattern that matches some names.
func anyOf(names []string) string {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = regexp.QuoteMeta(name)
	}
	return "^(" + strings.Join(escaped, "|") + ")$"
}
