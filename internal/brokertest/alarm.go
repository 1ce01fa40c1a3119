package brokertest

import (
	"fmt"
	"testing"
)

// SetAlarm is [Broker.SetAlarm] for tests, which fail where it fails.
func SetAlarm(t testing.TB, b *Broker, on bool) {
	t.Helper()
	if err := b.SetAlarm(on); err != nil {
		t.Fatal(err)
	}
}

// SetAlarm sets or clears the memory alarm of a broker that is the caller's own ([Start], [Private]): meanwhile it
// blocks whoever publishes.
func (b *Broker) SetAlarm(on bool) error {
	expression := "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."
	if on {
		expression = "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."
	}
	ctl, err := control(b, "eval", expression)
	if err != nil {
		return fmt.Errorf("brokertest: set alarm: %w", err)
	}
	if output, err := ctl.CombinedOutput(); err != nil {
		return fmt.Errorf("brokertest: set alarm: rabbitmqctl: %w\n%s", err, output)
	}
	return nil
}
