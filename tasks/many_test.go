package tasks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// manyEnqueuer takes tasks, but for those with a payload of its own choice.
type manyEnqueuer struct {
	refused string
	taken   []tasks.Task
}

var errRefused = errors.New("refused")

func (e *manyEnqueuer) EnqueueMany(_ context.Context, many []tasks.Task) []tasks.Enqueued {
	e.taken = append(e.taken, many...)
	outcomes := make([]tasks.Enqueued, len(many))
	for i, t := range many {
		outcomes[i].ID = string(t.Payload)
		if outcomes[i].ID == e.refused {
			outcomes[i].Err = errRefused
		}
	}
	return outcomes
}

func TestDefinitionEnqueueMany(t *testing.T) {
	t.Parallel()
	e := &manyEnqueuer{refused: "3"}
	nothing := func() {}
	outcomes := tasks.Define[any]("count").EnqueueMany(t.Context(), e, []any{1, nothing, 2, 3}, tasks.Priority(7))
	require.Len(t, outcomes, 4)
	assert.Equal(t, tasks.Enqueued{ID: "1"}, outcomes[0])
	assert.Empty(t, outcomes[1].ID)
	require.ErrorIs(t, outcomes[1].Err, tasks.ErrInvalidTask)
	assert.Equal(t, tasks.Enqueued{ID: "2"}, outcomes[2], "under its own index")
	assert.Equal(t, tasks.Enqueued{ID: "3", Err: errRefused}, outcomes[3])
	require.Len(t, e.taken, 3)
	for _, task := range e.taken {
		assert.Equal(t, "count", task.Key)
		assert.Equal(t, 7, task.Priority)
	}
}

func TestDefinitionEnqueueManyUnderOneID(t *testing.T) {
	t.Parallel()
	e := &manyEnqueuer{}
	count := tasks.Define[int]("count")
	for _, outcome := range count.EnqueueMany(t.Context(), e, []int{1, 2}, tasks.ID("x")) {
		require.ErrorIs(t, outcome.Err, tasks.ErrInvalidTask)
	}
	assert.Empty(t, e.taken)
	require.NoError(t, count.EnqueueMany(t.Context(), e, []int{1}, tasks.ID("x"))[0].Err, "one may have it")
	assert.Equal(t, "x", e.taken[0].ID)
}

func TestDefinitionEnqueueManyOfNothing(t *testing.T) {
	t.Parallel()
	assert.Empty(t, tasks.Define[int]("count").EnqueueMany(t.Context(), nil, nil))
}

func TestEnqueueEach(t *testing.T) {
	t.Parallel()
	e := &manyEnqueuer{refused: "4!"}
	many := []tasks.Task{{ID: "1", Payload: []byte("1")}, {ID: "2"}, {Payload: []byte("4")}}
	outcomes := tasks.EnqueueEach(t.Context(), e, many, func(t tasks.Task) (tasks.Task, error) {
		if t.Payload == nil {
			return t, errRefused
		}
		t.Payload = append(t.Payload, '!')
		return t, nil
	})
	assert.Equal(t, []tasks.Enqueued{{ID: "1!"}, {ID: "2", Err: errRefused}, {ID: "4!", Err: errRefused}}, outcomes)
	assert.Len(t, e.taken, 2)

	outcomes = tasks.EnqueueEach(t.Context(), nil, many[:1], func(t tasks.Task) (tasks.Task, error) { return t, errRefused })
	assert.Equal(t, []tasks.Enqueued{{ID: "1", Err: errRefused}}, outcomes, "nothing is asked of the enqueuer")
}
