package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/warrenmq/warren/internal/brokertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	node := &brokertest.Broker{Version: "3.10.8", Source: "a node", Flavour: brokertest.Node}
	container := &brokertest.Broker{Version: "4.3.6", Source: "a container", Flavour: brokertest.Container}
	found := &brokertest.Broker{Version: "3.13.0", Source: "a found one", Flavour: brokertest.Found}
	both := map[brokertest.Flavour]*brokertest.Broker{brokertest.Node: node, brokertest.Container: container}
	onlyContainer := map[brokertest.Flavour]*brokertest.Broker{brokertest.Container: container}
	const failOnNode = `test "$WARREN_TEST_FLAVOUR" != node || exit 7`

	for name, test := range map[string]struct {
		suite   suite
		started map[brokertest.Flavour]*brokertest.Broker
		found   *brokertest.Broker
		script  string
		code    int
		told    []string
		untold  []string
	}{
		"one": {
			found: found, script: "true",
			told:   []string{"== RabbitMQ 3.13.0: a found one =="},
			untold: []string{"summary"},
		},
		"none": {
			script: "true", code: 1,
			told: []string{"nothing found"},
		},
		"each": {
			suite: suite{each: true}, started: both, script: "true",
			told: []string{"== RabbitMQ 3.10.8: a node ==", "== RabbitMQ 4.3.6: a container ==", "RabbitMQ 3.10.8 (node): ok", "RabbitMQ 4.3.6 (container): ok"},
		},
		"the first failure counts, the rest still run": {
			suite: suite{each: true}, started: both, script: failOnNode, code: 7,
			told: []string{"RabbitMQ 3.10.8 (node): failed, exit code 7", "RabbitMQ 4.3.6 (container): ok"},
		},
		"each of one": {
			suite: suite{each: true}, started: onlyContainer, found: found, script: "true",
			told:   []string{"no node", "RabbitMQ 4.3.6"},
			untold: []string{"3.13.0"},
		},
		"each of what is found": {
			suite: suite{each: true}, found: found, script: "true",
			told: []string{"no node", "no container", "== RabbitMQ 3.13.0"},
		},
		"each of what is named": {
			suite: suite{each: true, named: true}, started: both, found: found, script: "true",
			told:   []string{"== RabbitMQ 3.13.0"},
			untold: []string{"3.10.8"},
		},
		"required and had": {
			suite: suite{each: true, required: []string{"3.10", "4"}}, started: both, script: "true",
		},
		"required and not had": {
			suite: suite{each: true, required: []string{"3.1", "3.10", "4.3"}}, started: onlyContainer, script: "true", code: 1,
			told: []string{"required but not to be had here: RabbitMQ 3.1, 3.10\n"},
		},
		"environment": {
			found:  &brokertest.Broker{URL: "amqp://u/", Management: "http://m", Source: "s", Version: "4.3.6", Flavour: brokertest.Node},
			script: `test "$WARREN_TEST_URL $WARREN_TEST_MANAGEMENT $WARREN_TEST_SOURCE $WARREN_TEST_FLAVOUR" = "amqp://u/ http://m s node"`,
		},
		"no flavour of a found one": {
			found: found, script: `test -z "$WARREN_TEST_FLAVOUR"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(brokertest.EnvFlavour, "of an outer run")
			var out strings.Builder
			s := test.suite
			s.out, s.command = &out, []string{"sh", "-c", test.script}
			s.find = func(context.Context) (*brokertest.Broker, error) {
				if test.found == nil {
					return nil, errors.New("nothing found")
				}
				return test.found, nil
			}
			s.start = func(_ context.Context, flavour brokertest.Flavour) (*brokertest.Broker, error) {
				if b := test.started[flavour]; b != nil {
					return b, nil
				}
				return nil, errors.New("no " + string(flavour))
			}
			if code := s.run(t.Context()); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.told {
				if !strings.Contains(out.String(), want) {
					t.Errorf("not told: %q", want)
				}
			}
			for _, unwanted := range test.untold {
				if strings.Contains(out.String(), unwanted) {
					t.Errorf("told: %q", unwanted)
				}
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}

func TestPrefixes(t *testing.T) {
	if got := prefixes(" 3.10, 4.3,,"); len(got) != 2 || got[0] != "3.10" || got[1] != "4.3" {
		t.Errorf("prefixes = %q", got)
	}
}
