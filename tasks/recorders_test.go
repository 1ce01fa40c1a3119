package tasks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// listener keeps what it is told, and fails to store with an error.
type listener struct {
	name  string
	told  *[]string
	fails error
}

func (l listener) Record(e tasks.Event) { *l.told = append(*l.told, l.name+" "+string(e.Kind)) }

func (l listener) Store(_ context.Context, e tasks.Event) error {
	*l.told = append(*l.told, l.name+" stores "+string(e.Kind))
	return l.fails
}

func TestRecorders(t *testing.T) {
	t.Parallel()
	assert.Nil(t, tasks.Recorders())
	assert.Nil(t, tasks.Recorders(nil, nil))
	var told []string
	failure := errors.New("away")
	counts, keeps := listener{"counter", &told, nil}, listener{"keeper", &told, failure}
	assert.Equal(t, counts, tasks.Recorders(nil, counts))

	both := tasks.Recorders(counts, nil, keeps)
	both.Record(tasks.Event{Kind: tasks.EventStarted})
	err := both.Store(t.Context(), tasks.Event{Kind: tasks.EventDead})
	assert.Equal(t, []string{"counter started", "keeper started", "counter stores dead", "keeper stores dead"}, told)
	require.ErrorIs(t, err, failure)
	assert.Equal(t, "away", err.Error())
	require.NoError(t, tasks.Recorders(counts, counts).Store(t.Context(), tasks.Event{}))
}
