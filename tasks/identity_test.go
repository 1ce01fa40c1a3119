package tasks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

func TestIdentityOf(t *testing.T) {
	t.Parallel()
	const self = "worker"
	for name, c := range map[string]struct {
		task tasks.Task
		self string
		want tasks.Identity
	}{
		"a user":                             {tasks.Task{UserID: "alice", AppID: "shop"}, self, tasks.Identity{Name: "alice"}},
		"the worker's own user":              {tasks.Task{UserID: self}, self, tasks.Identity{Name: self}},
		"carried over a republish":           {tasks.Task{UserID: self, Settlement: 2, EnqueuedBy: "alice"}, self, tasks.Identity{Name: "alice"}},
		"nobody, republished":                {tasks.Task{UserID: self, Settlement: 2}, self, tasks.Identity{}},
		"an app, republished":                {tasks.Task{UserID: self, Settlement: 2, AppID: "shop"}, self, tasks.Identity{Name: "shop", Claimed: true}},
		"an app":                             {tasks.Task{AppID: "shop"}, self, tasks.Identity{Name: "shop", Claimed: true}},
		"nobody":                             {tasks.Task{}, self, tasks.Identity{}},
		"forged by nobody":                   {tasks.Task{EnqueuedBy: "admin"}, self, tasks.Identity{}},
		"forged by an app, with a count":     {tasks.Task{EnqueuedBy: "admin", AppID: "shop", Settlement: 3}, self, tasks.Identity{Name: "shop", Claimed: true}},
		"forged by a user":                   {tasks.Task{UserID: "mallory", EnqueuedBy: "admin", Settlement: 3}, self, tasks.Identity{Name: "mallory"}},
		"the worker does not know its user":  {tasks.Task{EnqueuedBy: "admin", Settlement: 1}, "", tasks.Identity{}},
		"nor does it, and somebody is known": {tasks.Task{UserID: "alice", EnqueuedBy: "admin"}, "", tasks.Identity{Name: "alice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, tasks.IdentityOf(&c.task, c.self))
		})
	}
}

// What nobody vouched for at the first delivery nobody vouches for after any number of republishes.
func TestIdentitySurvivesRepublishing(t *testing.T) {
	t.Parallel()
	const self = "worker"
	for name, m := range map[string]tasks.Message{
		"user":          {MessageID: "1", RoutingKey: "a", UserID: "alice"},
		"own user":      {MessageID: "1", RoutingKey: "a", UserID: self},
		"app":           {MessageID: "1", RoutingKey: "a", AppID: "shop"},
		"nobody":        {MessageID: "1", RoutingKey: "a"},
		"forged":        {MessageID: "1", RoutingKey: "a", AppID: "shop", Headers: map[string]any{tasks.HeaderEnqueuedBy: "admin"}},
		"forged, user":  {MessageID: "1", RoutingKey: "a", UserID: "mallory", Headers: map[string]any{tasks.HeaderEnqueuedBy: "admin"}},
		"forged, count": {MessageID: "1", RoutingKey: "a", Headers: map[string]any{tasks.HeaderEnqueuedBy: "admin", tasks.HeaderSettlement: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, err := tasks.Decode(m, "q", now)
			require.NoError(t, err)
			first := tasks.IdentityOf(&task, self)
			assert.NotEqual(t, "admin", first.Name)
			for range 3 {
				m = tasks.RetryMessage(m, &task, self, now, nil)
				task, err = tasks.Decode(m, "q", now)
				require.NoError(t, err)
				assert.Equal(t, first, tasks.IdentityOf(&task, self))
			}
		})
	}
}

func TestIdentityString(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "alice", tasks.Identity{Name: "alice"}.String())
	assert.Equal(t, "shop (claimed)", tasks.Identity{Name: "shop", Claimed: true}.String())
	assert.Equal(t, "unknown", tasks.Identity{}.String())
}
