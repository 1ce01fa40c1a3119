package encryption

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// sink keeps what it is given to publish.
type sink struct{ published []tasks.Task }

func (s *sink) Enqueue(_ context.Context, t tasks.Task) (string, error) {
	s.published = append(s.published, t)
	return t.ID, nil
}

func (s *sink) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	outcomes := make([]tasks.Enqueued, len(many))
	for i, t := range many {
		outcomes[i].ID, outcomes[i].Err = s.Enqueue(ctx, t)
	}
	return outcomes
}

var welcome = tasks.Define[map[string]string]("email.welcome")

func TestEnqueue(t *testing.T) {
	keys, _ := newKeys(t)
	s := &sink{}
	e := New(s, keys)
	id, err := welcome.Enqueue(t.Context(), e, map[string]string{"to": secret}, tasks.Priority(7))
	require.NoError(t, err)
	require.Len(t, s.published, 1)
	sealed := s.published[0]
	assert.Equal(t, id, sealed.ID)
	assert.Equal(t, 7, sealed.Priority)
	whole, err := json.Marshal(sealed)
	require.NoError(t, err)
	assert.NotContains(t, string(whole), secret)
	opened, err := keys.Open(&sealed)
	require.NoError(t, err)
	assert.JSONEq(t, `{"to":"eve@example.com"}`, string(opened.Payload))

	id, err = e.Enqueue(t.Context(), tasks.Task{Key: "a", ID: "7", KeyID: "1"})
	assert.Equal(t, "7", id)
	assert.ErrorIs(t, err, tasks.ErrInvalidTask)
	assert.Len(t, s.published, 1)
}

func TestEnqueueMany(t *testing.T) {
	keys, _ := newKeys(t)
	s := &sink{}
	outcomes := New(s, keys).EnqueueMany(t.Context(), []tasks.Task{{Key: "a"}, {Key: "a", KeyID: "1"}, {Key: "b", ID: "7"}})
	require.Len(t, outcomes, 3)
	require.Len(t, s.published, 2)
	assert.Equal(t, tasks.Enqueued{ID: s.published[0].ID}, outcomes[0])
	assert.ErrorIs(t, outcomes[1].Err, tasks.ErrInvalidTask)
	assert.Equal(t, tasks.Enqueued{ID: "7"}, outcomes[2])
	for _, sealed := range s.published {
		_, err := keys.Open(&sealed)
		assert.NoError(t, err)
	}
}
