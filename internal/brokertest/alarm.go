package brokertest

import "testing"

// SetAlarm sets or clears the memory alarm of a broker that is the test's own ([Private]): meanwhile it
// blocks whoever publishes.
func SetAlarm(t testing.TB, b *Broker, on bool) {
	t.Helper()
	expression := "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."
	if on {
		expression = "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."
	}
	ctl, err := control(b, "eval", expression)
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	if output, err := ctl.CombinedOutput(); err != nil {
		t.Fatalf("brokertest: rabbitmqctl: %v\n%s", err, output)
	}
}
