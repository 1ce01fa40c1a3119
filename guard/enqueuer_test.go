package guard

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// sink keeps what it is given to publish.
type sink struct {
	published []tasks.Task
	err       error
}

func (s *sink) Enqueue(_ context.Context, t tasks.Task) (string, error) {
	s.published = append(s.published, t)
	return t.ID, s.err
}

func (s *sink) EnqueueMany(ctx context.Context, many []tasks.Task) []tasks.Enqueued {
	outcomes := make([]tasks.Enqueued, len(many))
	for i, t := range many {
		outcomes[i].ID, outcomes[i].Err = s.Enqueue(ctx, t)
	}
	return outcomes
}

type login struct {
	User     string `json:"user"`
	Password string `json:"password,omitempty"`
}

var signIn = tasks.Define[login]("user.signin")

func TestEnqueue(t *testing.T) {
	s := &sink{err: errors.New("blocked")}
	e := New(s)
	id, err := signIn.Enqueue(t.Context(), e, login{User: "eve"}, tasks.ID("1"))
	assert.Equal(t, "1", id)
	assert.ErrorIs(t, err, s.err, "the next one's")
	require.Len(t, s.published, 1)

	id, err = signIn.Enqueue(t.Context(), e, login{User: "eve", Password: hidden}, tasks.ID("2"))
	assert.Equal(t, "2", id)
	assert.ErrorIs(t, err, ErrCredential)
	assert.Equal(t, "invalid task: payload: the field password is named like a credential, which no payload may hold: "+
		"have the handler take it from its environment or from a file", err.Error())
	assert.Len(t, s.published, 1)
}

func TestEnqueueMany(t *testing.T) {
	s := &sink{}
	e := New(s, "user")
	outcomes := e.EnqueueMany(t.Context(), []tasks.Task{
		{ID: "1", Payload: []byte(`{}`)}, {ID: "2", Payload: []byte(`{"user": 7}`)}, {ID: "3", Payload: []byte(`{"password": "x"}`)},
	})
	require.Len(t, outcomes, 3)
	for i, id := range []string{"1", "2", "3"} {
		assert.Equal(t, id, outcomes[i].ID)
		assert.Equal(t, i == 1, outcomes[i].Err != nil)
	}
	assert.ErrorIs(t, outcomes[1].Err, ErrCredential)
	assert.Len(t, s.published, 2)

	outcomes = signIn.EnqueueMany(t.Context(), e, []login{{User: "eve"}})
	assert.ErrorIs(t, outcomes[0].Err, ErrCredential)
	assert.Len(t, s.published, 2, "nothing is asked of the next one")
}
