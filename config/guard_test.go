package config

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/guard"
	"github.com/warrenmq/warren/tasks"
)

// entrance takes every task.
type entrance struct{}

func (entrance) Enqueue(_ context.Context, t tasks.Task) (string, error) { return t.ID, nil }

func (entrance) EnqueueMany(_ context.Context, many []tasks.Task) []tasks.Enqueued {
	return make([]tasks.Enqueued, len(many))
}

func TestGuard(t *testing.T) {
	login := tasks.Task{Payload: []byte(`{"password": "hunter2"}`)}
	none, all, card := mustParse(t, "").Guard, mustParse(t, "guard:").Guard, mustParse(t, "guard: {fields: [card]}").Guard

	assert.Equal(t, guard.DefaultFields(), all.Fields)
	assert.ErrorIs(t, all.Check(&login), guard.ErrCredential)
	_, err := all.Before(entrance{}).Enqueue(t.Context(), login)
	assert.ErrorIs(t, err, guard.ErrCredential)

	assert.NoError(t, card.Check(&login))
	assert.ErrorIs(t, card.Check(&tasks.Task{Payload: []byte(`{"card": 4242}`)}), guard.ErrCredential)

	assert.NoError(t, none.Check(&login))
	assert.Equal(t, entrance{}, none.Before(entrance{}), "nothing stands before it")
}
