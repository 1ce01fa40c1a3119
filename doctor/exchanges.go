package doctor

import (
	"fmt"
	"strings"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/routing"
)

// checkExchanges tells of exchanges that are missing or differ.
func checkExchanges(f *Facts) (found []Finding) {
	if f.Topology.Err != nil {
		return nil // told by the version
	}
	if f.Survey.Exchanges.Err != nil {
		return f.exchangesByAMQP()
	}
	has := map[string]broker.ExchangeInfo{}
	for _, e := range f.Survey.Exchanges.Value {
		has[e.Name] = e
	}
	var missing []string
	for _, want := range f.Topology.Value.Exchanges {
		e, exists := has[want.Name]
		if !exists {
			missing = append(missing, want.Name)
			continue
		}
		if differs := exchangeDifferences(want, e); len(differs) > 0 {
			found = append(found, f.driftedExchange(want.Name, strings.Join(differs, "; ")))
		}
	}
	return append(f.missingExchanges(missing), found...)
}

// exchangesByAMQP tells what AMQP tells.
func (f *Facts) exchangesByAMQP() (found []Finding) {
	if err := f.Presence.Err; err != nil {
		return notMade("exchanges", err)
	}
	found = f.missingExchanges(f.Presence.Value.MissingExchanges)
	for _, d := range f.Presence.Value.Drift {
		if d.Kind == "exchange" {
			found = append(found, f.driftedExchange(d.Name, fmt.Sprintf("%s: want %s, have %s", d.Argument, d.Want, d.Have)))
		}
	}
	return found
}

func (f *Facts) missingExchanges(names []string) []Finding {
	if len(names) == 0 {
		return nil
	}
	message := "missing: what is published there is refused, and what a queue dead-letters there waits or is lost"
	if len(names) == len(f.Topology.Value.Exchanges) {
		message = "missing: nothing has been declared yet"
	}
	return []Finding{{Severity: Error, Subject: enumerated(names), Message: message, Remedy: restart}}
}

func (f *Facts) driftedExchange(name, differences string) Finding {
	return Finding{
		Severity: Error, Subject: name, Message: "differs from what is wanted, and no worker or scheduler starts: " + differences,
		Remedy: f.deleteExchange(name) + " && " + restart,
	}
}

// exchangeDifferences lists what would keep an exchange from being declared.
func exchangeDifferences(want routing.Exchange, e broker.ExchangeInfo) (differs []string) {
	if e.Type != string(want.Kind) {
		differs = append(differs, fmt.Sprintf("type: want %s, have %s", want.Kind, e.Type))
	}
	alternate, _ := e.Arguments["alternate-exchange"].(string)
	if alternate != want.Alternate {
		differs = append(differs, fmt.Sprintf("alternate-exchange: want %s, have %s", orNone(want.Alternate), orNone(alternate)))
	}
	return append(differs, flagDifferences(e.Durable, e.AutoDelete, e.Internal, "internal")...)
}

// flagDifferences lists the properties of what is not durable, or is deleted by itself, or something
// else that nothing of Warren's is.
func flagDifferences(durable, autoDelete, other bool, otherName string) (differs []string) {
	if !durable {
		differs = append(differs, "durable: want true, have false")
	}
	if autoDelete {
		differs = append(differs, "auto_delete: want false, have true")
	}
	if other {
		differs = append(differs, otherName+": want false, have true")
	}
	return differs
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
