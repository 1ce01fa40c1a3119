package brokertest

import (
	"errors"
	"slices"
	"testing"
)

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ports)
	if len(slices.Compact(ports)) != 20 || ports[0] < firstPort || ports[19] >= lastPort {
		t.Errorf("ports %v, want 20 different ones from %d to %d", ports, firstPort, lastPort)
	}
}

func TestWithFreePorts(t *testing.T) {
	other := errors.New("another reason")
	had := &Broker{}
	for name, test := range map[string]struct {
		answers []error
		want    error
	}{
		"at once":          {[]error{nil}, nil},
		"at the third":     {[]error{errPortTaken, errPortTaken, nil}, nil},
		"never":            {[]error{errPortTaken, errPortTaken, errPortTaken}, errPortTaken},
		"for other causes": {[]error{other}, other},
	} {
		tries := 0
		b, err := withFreePorts(2, func(ports []int) (*Broker, error) {
			err := test.answers[tries]
			tries++
			if err != nil {
				return nil, err
			}
			return had, nil
		})
		if tries != len(test.answers) || !errors.Is(err, test.want) || (err == nil) != (b == had) {
			t.Errorf("%s: %v, %v after %d tries", name, b, err, tries)
		}
	}
}

func TestTellsTakenPort(t *testing.T) {
	for text, want := range map[string]bool{
		"{listen_error,{acceptor,{127,0,0,1},39053},eaddrinuse}":                                                      true,
		`{failed_to_start_child,prelaunch,{dist_port_already_used,39053,not_erlang,"localhost"}}`:                     true,
		"driver failed programming external connectivity: Bind for 127.0.0.1:22001 failed: port is already allocated": true,
		"listen tcp4 127.0.0.1:22001: bind: address already in use":                                                   true,
		"BOOT FAILED: Error during startup: {error,timeout_waiting_for_tables}":                                       false,
	} {
		if got := tellsTakenPort(text); got != want {
			t.Errorf("tellsTakenPort(%q) = %v", text, got)
		}
	}
}
