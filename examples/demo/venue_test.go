package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/internal/brokertest"
)

func TestDefaultVenue(t *testing.T) {
	for address, vhost := range map[string]string{
		"amqp://guest:guest@rabbit:5672": "/", "amqp://guest:guest@rabbit:5672/": "/",
		"amqp://guest:guest@rabbit:5672/%2F": "/", "amqp://guest:guest@rabbit:5672/a%2Fb": "a/b",
	} {
		v, err := defaultVenue(&brokertest.Broker{URL: address})
		require.NoError(t, err)
		assert.Equal(t, vhost, v.vhost, address)
		assert.Equal(t, "http://rabbit:15672", v.management)
		assert.Equal(t, `warren-demo.* and demo.* in the virtual host "`+vhost+`"`, v.String())
		assert.Equal(t, []string{"WARREN_URL=" + address, "WARREN_MANAGEMENT=http://rabbit:15672", "DEMO_PREFIX=warren-demo"}, v.environment())
		assert.Empty(t, v.console("q"), "the management API does not answer")
	}
	_, err := defaultVenue(&brokertest.Broker{URL: "amqp://u:secret@%"})
	assert.EqualError(t, err, "the broker's address is not a URL")
}

func TestVenueInvites(t *testing.T) {
	own := venue{
		broker: &brokertest.Broker{Console: "http://rabbit:15672", Management: "http://guest:guest@rabbit:15672"},
		url:    "amqp://guest:guest@rabbit/warren-demo", vhost: "warren-demo", management: "http://guest:guest@rabbit:15672",
	}
	assert.Equal(t, "http://rabbit:15672/#/queues/warren-demo/demo.email.dead", own.console("demo.email.dead"))
	assert.Equal(t, "user guest, password guest", own.login())
	assert.Equal(t, []string{
		"WARREN_URL='amqp://guest:guest@rabbit/warren-demo'", "WARREN_MANAGEMENT='http://guest:guest@rabbit:15672'",
	}, own.variables())

	shared := venue{broker: own.broker, url: "amqps://me:secret@rabbit", vhost: "/", prefix: "warren-demo", management: "https://me:secret@rabbit:15671"}
	assert.Equal(t, "http://rabbit:15672/#/queues/%2F/demo.email.dead", shared.console("demo.email.dead"))
	assert.Equal(t, "with the account of WARREN_URL", shared.login())
	assert.Equal(t, []string{
		"WARREN_URL='amqps://USER:PASSWORD@rabbit'", "WARREN_MANAGEMENT='https://USER:PASSWORD@rabbit:15671'", "DEMO_PREFIX=warren-demo",
	}, shared.variables())
	assert.Len(t, venue{broker: &brokertest.Broker{}, url: own.url}.variables(), 1, "no management API, nothing to tell of it")
}
