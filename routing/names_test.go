package routing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/routing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	assert.Equal(t, routing.Names{}.Tasks(), routing.Names{Prefix: routing.DefaultPrefix}.Tasks(), "the zero value")
	n := routing.Names{Prefix: "acme"}
	assert.Equal(t, "acme.tasks", n.Tasks())
	assert.Equal(t, "acme.strict", n.Strict())
	assert.Equal(t, "acme.unrouted", n.Unrouted())
	assert.Equal(t, "acme.delayed", n.Delayed())
	assert.Equal(t, "acme.dead", n.Dead())
	assert.Equal(t, "acme.control", n.Control())
	assert.Equal(t, "acme.history", n.History())
	assert.Equal(t, "acme.schedule", n.Schedule())
	assert.Equal(t, "acme.lease", n.Lease())
	assert.Equal(t, "acme.delay.00", n.LadderExchange(0))
	assert.Equal(t, "acme.delay.13", n.LadderExchange(routing.LadderDigits-1))
	assert.Equal(t, "acme.delay.07.3", n.LadderQueue(7, 3))
	assert.Equal(t, "email.dead", routing.DeadQueue("email"))
}
