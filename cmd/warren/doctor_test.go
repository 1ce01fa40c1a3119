package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/doctor"
	"github.com/warrenmq/warren/routing"
)

func TestPrintFindings(t *testing.T) {
	facts := &doctor.Facts{Vhost: "prod", Version: routing.Version{Major: 4, Minor: 3, Patch: 6}}
	findings := []doctor.Finding{
		{Check: "queues", Severity: doctor.Error, Subject: "email", Message: "missing\x1b[2J", Remedy: "restart"},
		{Check: "policies", Severity: doctor.Error, Subject: "email", Message: "it <loses>"},
		{Check: "clock", Severity: doctor.NotMade, Subject: "clock", Message: "401"},
	}
	print := func(findings []doctor.Finding, flags doctorFlags) (string, error) {
		c, stdout, _ := said()
		err := c.printFindings(facts, findings, &flags)
		return stdout.String(), err
	}
	text, err := print(findings, doctorFlags{})
	assert.ErrorIs(t, err, errFinding)
	assert.Equal(t, ""+
		"ERRORS\n"+
		"  queues          email: missing [2J\n"+
		"                  > restart\n"+
		"  policies        email: it <loses>\n"+
		"NOT CHECKED\n"+
		"  clock           clock: 401\n"+
		"RabbitMQ 4.3.6, virtual host prod: 2 errors, 1 check not made\n", text)

	_, err = print(findings[2:], doctorFlags{})
	assert.NoError(t, err, "what could not be checked")
	_, err = print(findings[2:], doctorFlags{strict: true})
	assert.ErrorIs(t, err, errFinding)
	text, err = print(nil, doctorFlags{strict: true})
	assert.NoError(t, err)
	assert.Equal(t, "RabbitMQ 4.3.6, virtual host prod: nothing found in 20 checks\n", text)

	text, err = print(findings[1:2], doctorFlags{asJSON: true})
	assert.ErrorIs(t, err, errFinding)
	assert.JSONEq(t, `{"check":"policies","severity":"error","subject":"email","message":"it <loses>"}`, text)
	assert.Contains(t, text, "<loses>", "for people too")

	facts.Topology.Err = broker.ErrNotConnected
	text, _ = print(nil, doctorFlags{})
	assert.Contains(t, text, "RabbitMQ: nothing found")
}

func TestDoctorRefuses(t *testing.T) {
	some := file(t, "queues: {email: {}}")
	for text, args := range map[string][]string{
		`--role: "boss" is none of`:                  {"--role", "boss"},
		`--ack-timeout: "soon" is not a duration`:    {"--ack-timeout", "soon"},
		`--ack-timeout: "-5m" is not a duration`:     {"--ack-timeout", "-5m"},
		`unknown command "email" for "warren doctor`: {"email"},
	} {
		o := environment{}.run(t.Context(), append([]string{"-c", some, "doctor"}, args...)...)
		assert.Equal(t, exitUsage, o.code)
		assert.Contains(t, o.stderr, text)
	}
	o := environment{}.run(t.Context(), "-c", some, "routes", "prune")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "nobody is here to be asked")
}

// What RabbitMQ has not told in time is told as such, beside what it has: that is when somebody asks.
func TestDoctorOutOfTime(t *testing.T) {
	c, _, _ := said()
	c.file = file(t, "queues: {email: {}}\nbroker: {urls: ['amqp://127.0.0.1:1/']}")
	setup, cfg, err := c.setup(&doctorFlags{})
	require.NoError(t, err)
	facts, err := c.inspect(t.Context(), time.Nanosecond, setup, cfg)
	require.NoError(t, err)
	require.Len(t, facts.Nodes, 1)
	require.Error(t, facts.Nodes[0].Err)

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.inspect(interrupted, time.Minute, setup, cfg)
	require.ErrorIs(t, err, context.Canceled)
}
