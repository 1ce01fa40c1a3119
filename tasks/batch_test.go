package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// batchEnqueuer takes all tasks but those that it is told to refuse, and counts what it is asked.
type batchEnqueuer struct {
	refuse func(tasks.Task) error
	taken  []tasks.Task
	calls  int
	most   int // bytes at a time
}

func (e *batchEnqueuer) EnqueueMany(_ context.Context, many []tasks.Task) []tasks.Enqueued {
	e.calls++
	outcomes := make([]tasks.Enqueued, len(many))
	size := 0
	for i, t := range many {
		size += len(t.Payload)
		outcomes[i].ID = t.ID
		if e.refuse != nil {
			outcomes[i].Err = e.refuse(t)
		}
		if outcomes[i].Err == nil {
			e.taken = append(e.taken, t)
		}
	}
	e.most = max(e.most, size)
	return outcomes
}

func numbers(n int) []int {
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	return items
}

// However long the slice and whatever the size of the chunks: every item is in one chunk, in order,
// and a second time gives the same tasks. Items that come one by one are the same batch.
func TestEnqueueBatchSplits(t *testing.T) {
	t.Parallel()
	def := tasks.Define[[]int]("import.rows")
	rapid.Check(t, func(t *rapid.T) {
		items := numbers(rapid.IntRange(0, 500).Draw(t, "items"))
		b := tasks.Batch{ID: "import", ChunkSize: rapid.IntRange(0, 130).Draw(t, "size")}
		first, second := &batchEnqueuer{}, &batchEnqueuer{}
		result, err := tasks.EnqueueBatch(context.Background(), first, def, b, items, tasks.Priority(7))
		require.NoError(t, err)
		again, err := tasks.EnqueueBatchSeq(context.Background(), second, def, b, slices.Values(items), len(items), tasks.Priority(7))
		require.NoError(t, err)
		assert.Equal(t, result, again)
		assert.Equal(t, first.taken, second.taken)
		var all []int
		ids := map[string]bool{}
		for i, task := range first.taken {
			var chunk []int
			require.NoError(t, json.Unmarshal(task.Payload, &chunk))
			c := result.Chunks[i]
			assert.Equal(t, items[c.From:c.To], chunk)
			assert.Equal(t, tasks.Chunk{Index: i + 1, From: len(all), To: len(all) + len(chunk), TaskID: task.ID}, c)
			assert.Equal(t, []any{"import.rows", "import", i + 1, len(result.Chunks), 7},
				[]any{task.Key, task.BatchID, task.BatchIndex, task.BatchTotal, task.Priority})
			all = append(all, chunk...)
			ids[task.ID] = true
		}
		assert.Len(t, all, len(items))
		assert.Len(t, ids, len(result.Chunks))
	})
}

func TestEnqueueBatchDefaults(t *testing.T) {
	t.Parallel()
	e := &batchEnqueuer{}
	result, err := tasks.EnqueueBatch(t.Context(), e, tasks.Define[[]int]("k"), tasks.Batch{}, numbers(250))
	require.NoError(t, err)
	assert.NoError(t, uuid.Validate(result.ID))
	require.Len(t, result.Chunks, 3)
	assert.Equal(t, 100, result.Chunks[0].To)
	assert.Equal(t, tasks.ChunkID(result.ID, "k", 3), result.Chunks[2].TaskID)
}

// The IDs are for ever: a batch that is enqueued again by a later release is the same tasks.
func TestChunkID(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "ec1176fa-ed72-5984-b19c-bdf7589c5879", tasks.ChunkID("import-2026-11", "import.rows", 1))
	assert.NotEqual(t, tasks.ChunkID("a", "k", 11), tasks.ChunkID("a", "k1", 1))
	assert.NotEqual(t, tasks.ChunkID("a", "k", 1), tasks.ChunkID("a", "other", 1))
}

func TestEnqueueBatchRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		batch tasks.Batch
		opts  []tasks.EnqueueOption
		want  string
	}{
		"a long ID":   {tasks.Batch{ID: strings.Repeat("x", 256)}, nil, "batch id"},
		"no chunk":    {tasks.Batch{ChunkSize: -1}, nil, "chunk size"},
		"a huge one":  {tasks.Batch{ChunkSize: tasks.MaxChunkSize + 1}, nil, "chunk size"},
		"an ID given": {tasks.Batch{}, []tasks.EnqueueOption{tasks.ID("x")}, `"x" cannot be theirs`},
	} {
		e := &batchEnqueuer{}
		_, err := tasks.EnqueueBatch(t.Context(), e, tasks.Define[[]int]("k"), c.batch, []int{1}, c.opts...)
		require.ErrorIs(t, err, tasks.ErrInvalidTask, name)
		assert.ErrorContains(t, err, c.want, name)
		assert.Zero(t, e.calls, name)
	}
}

// A chunk that cannot be published holds up no other, and is told by itself.
func TestEnqueueBatchTellsOfEach(t *testing.T) {
	t.Parallel()
	tooLarge := fmt.Errorf("%w: too large", tasks.ErrInvalidTask)
	e := &batchEnqueuer{refuse: func(task tasks.Task) error {
		if task.BatchIndex == 2 {
			return tooLarge
		}
		return nil
	}}
	items := []any{1, 2, 3, 4, func() {}, 6}
	result, err := tasks.EnqueueBatch(t.Context(), e, tasks.Define[[]any]("k"), tasks.Batch{ID: "b", ChunkSize: 1}, items)
	require.ErrorIs(t, err, tooLarge)
	assert.EqualError(t, err, "batch b: 2 of 6 chunks are not published, the first is chunk 2 (items 1 to 1): invalid task: too large")
	var failed []int
	for c := range result.Failed() {
		failed = append(failed, c.Index)
	}
	assert.Equal(t, []int{2, 5}, failed)
	assert.Len(t, e.taken, 4)
}

var errAway = errors.New("away")

// What no window of chunks could be published for ends the batch; tasks that are wrong do not.
func TestEnqueueBatchBreaksOff(t *testing.T) {
	t.Parallel()
	def := tasks.Define[[]int]("k")
	b := tasks.Batch{ID: "b", ChunkSize: 1}
	e := &batchEnqueuer{refuse: func(tasks.Task) error { return errAway }}
	result, err := tasks.EnqueueBatch(t.Context(), e, def, b, numbers(5000))
	require.ErrorIs(t, err, errAway)
	assert.Equal(t, 1, e.calls)
	require.Len(t, result.Chunks, 5000)
	assert.NotErrorIs(t, result.Chunks[0].Err, tasks.ErrBatchBroken)
	assert.ErrorIs(t, result.Chunks[4999].Err, tasks.ErrBatchBroken)
	assert.ErrorIs(t, result.Chunks[4999].Err, errAway)

	e = &batchEnqueuer{refuse: func(tasks.Task) error { return tasks.ErrInvalidTask }}
	result, err = tasks.EnqueueBatch(t.Context(), e, def, b, numbers(2000))
	require.ErrorIs(t, err, tasks.ErrInvalidTask)
	assert.NotErrorIs(t, result.Chunks[1999].Err, tasks.ErrBatchBroken)
	assert.Greater(t, e.calls, 1)
}

// A million bytes a chunk are not encoded all at once.
func TestEnqueueBatchBoundsMemory(t *testing.T) {
	t.Parallel()
	e := &batchEnqueuer{}
	line := strings.Repeat("x", 1<<20)
	yielded := 0
	_, err := tasks.EnqueueBatchSeq(t.Context(), e, tasks.Define[[]string]("k"), tasks.Batch{ChunkSize: 1}, func(yield func(string) bool) {
		for range 20 {
			yielded++
			if !yield(line) {
				return
			}
		}
	}, 20)
	require.NoError(t, err)
	assert.Equal(t, 20, yielded)
	assert.LessOrEqual(t, e.most, 5<<20)
	assert.Len(t, e.taken, 20)
}

// Items that end too early leave no chunk behind that a second time would have more items in.
func TestEnqueueBatchSeqCount(t *testing.T) {
	t.Parallel()
	def := tasks.Define[[]int]("k")
	b := tasks.Batch{ID: "b", ChunkSize: 10}
	e := &batchEnqueuer{}
	result, err := tasks.EnqueueBatchSeq(t.Context(), e, def, b, slices.Values(numbers(25)), 40)
	require.ErrorIs(t, err, tasks.ErrBatchCount)
	assert.ErrorContains(t, err, "there are 25 items, and 40 were to come")
	assert.Len(t, e.taken, 2)
	assert.ErrorIs(t, result.Chunks[2].Err, tasks.ErrBatchBroken)
	assert.ErrorIs(t, result.Chunks[3].Err, tasks.ErrBatchCount)

	e = &batchEnqueuer{}
	_, err = tasks.EnqueueBatchSeq(t.Context(), e, def, b, slices.Values(numbers(25)), 20)
	require.ErrorIs(t, err, tasks.ErrBatchCount)
	assert.Len(t, e.taken, 2)

	_, err = tasks.EnqueueBatchSeq(t.Context(), e, def, b, slices.Values([]int(nil)), -1)
	require.ErrorIs(t, err, tasks.ErrInvalidTask)
}
