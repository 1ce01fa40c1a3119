package brokertest

import (
	"fmt"
	"strings"
	"testing"
	"time"
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

// The resources whose alarms block publishers, for [Broker.HoldAlarm].
const (
	Memory = "memory"
	Disk   = "disk"
)

// HoldAlarm has the alarm of a resource of a broker that is the caller's own last for a time, and returns when it
// was set and when it was cleared. The broker itself clears it, also where the caller has ended meanwhile.
func (b *Broker) HoldAlarm(resource string, lasts time.Duration) (from, to time.Time, err error) {
	fail := func(err error) (time.Time, time.Time, error) {
		return time.Time{}, time.Time{}, fmt.Errorf("brokertest: hold the %s alarm: %w", resource, err)
	}
	ctl, err := control(b, "eval", fmt.Sprintf(`
		From = os:system_time(microsecond),
		rabbit_alarm:set_alarm({{resource_limit, %[1]s, node()}, []}),
		timer:sleep(%[2]d),
		rabbit_alarm:clear_alarm({resource_limit, %[1]s, node()}),
		lists:flatten(io_lib:format("~b ~b", [From, os:system_time(microsecond)])).`, resource, lasts.Milliseconds()))
	if err != nil {
		return fail(err)
	}
	output, err := ctl.CombinedOutput()
	if err != nil {
		return fail(fmt.Errorf("rabbitmqctl: %w\n%s", err, output))
	}
	var began, ended int64
	if _, err := fmt.Sscanf(strings.Trim(strings.TrimSpace(string(output)), `"`), "%d %d", &began, &ended); err != nil {
		return fail(fmt.Errorf("rabbitmqctl says %q: %w", output, err))
	}
	return time.UnixMicro(began), time.UnixMicro(ended), nil
}
