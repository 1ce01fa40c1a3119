package doctor

import (
	"fmt"
	"maps"
	"slices"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkBindings tells of bindings that are missing, and of queues that have none of theirs.
func checkBindings(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if err := f.Survey.Bindings.Err; err != nil {
		return notMade("bindings", err)
	}
	has := map[routing.Binding]bool{}
	for _, b := range f.Survey.Bindings.Value {
		if len(b.Arguments) == 0 {
			has[b.Binding] = true
		}
	}
	wanted, missing := map[string]int{}, map[string][]string{}
	for _, b := range f.Topology.Value.Bindings {
		wanted[b.Destination]++
		if !has[b] {
			missing[b.Destination] = append(missing[b.Destination], fmt.Sprintf("%s with %q", b.Source, b.Key))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if f.knownMissing(name) {
			continue // told by the queues, or the exchanges
		}
		message := "not bound to " + enumerated(missing[name])
		if len(missing[name]) == wanted[name] {
			message = "unbound: nothing reaches it; " + message
		}
		found = append(found, Finding{Severity: Error, Subject: name, Message: message, Remedy: restart})
	}
	return found
}

// knownMissing reports whether a queue or exchange is known not to exist.
func (f *Facts) knownMissing(name string) bool {
	if f.Survey.Queues.Err != nil || f.Survey.Exchanges.Err != nil {
		return false
	}
	if _, exists := f.queue(name); exists {
		return false
	}
	for _, e := range f.Survey.Exchanges.Value {
		if e.Name == name {
			return false
		}
	}
	return true
}

// StaleBindings returns the bindings to our exchanges that the topology does not want: those that only an
// earlier configuration can have left, others, whose destination is not ours, and foreign ones, which have
// arguments, as Warren's never do. Source, destination and key of a foreign one may be those of one that is
// wanted, so it is not to be removed by them.
func StaleBindings(t *routing.Topology, has []broker.BindingInfo) (ours, others, foreign []routing.Binding) {
	ourExchange, ourQueue, wanted := map[string]bool{}, map[string]bool{}, map[routing.Binding]bool{}
	for _, e := range t.Exchanges {
		ourExchange[e.Name] = true
	}
	for _, q := range t.Queues {
		ourQueue[q.Name] = true
	}
	for _, q := range t.Streams {
		ourQueue[q.Name] = true
	}
	for _, b := range t.Bindings {
		wanted[b] = true
	}
	for _, b := range has {
		known := ourQueue[b.Destination]
		if b.ToExchange {
			known = ourExchange[b.Destination]
		}
		switch {
		case !ourExchange[b.Source]:
		case len(b.Arguments) > 0:
			foreign = append(foreign, b.Binding)
		case wanted[b.Binding]:
		case known:
			ours = append(ours, b.Binding)
		default:
			others = append(others, b.Binding)
		}
	}
	return ours, others, foreign
}

// checkStaleBindings tells of bindings to our exchanges that no route wants.
func checkStaleBindings(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if err := f.Survey.Bindings.Err; err != nil {
		return notMade("stale bindings", err)
	}
	ours, others, foreign := StaleBindings(&f.Topology.Value, f.Survey.Bindings.Value)
	tell := func(bindings []routing.Binding, severity Severity, message, remedy string) {
		by := map[string][]string{}
		for _, b := range bindings {
			by[b.Destination] = append(by[b.Destination], fmt.Sprintf("%s with %q", b.Source, b.Key))
		}
		for _, name := range slices.Sorted(maps.Keys(by)) {
			found = append(found, Finding{
				Severity: severity, Subject: name, Message: fmt.Sprintf(message, enumerated(by[name])), Remedy: remedy,
			})
		}
	}
	tell(ours, Warning, "bound to %s, which no route of the configuration wants: tasks come that nobody meant for it", "warren routes prune")
	tell(others, Info, "bound to %s, and not in this configuration: another's, or left behind", "warren routes prune --others   # where it is not another's")
	tell(foreign, Info, "bound to %s with arguments, as Warren never does: another's", "unbind it in RabbitMQ's console, where nobody needs it")
	return found
}
