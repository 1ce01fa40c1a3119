package tasks

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"

	"github.com/google/uuid"
)

// The default and the bound of a batch's chunks.
const (
	// DefaultChunkSize is how many items a task of a batch has where nothing else is said.
	DefaultChunkSize = 100
	// MaxChunkSize bounds the items of a task.
	MaxChunkSize = 100_000
)

// Batch says how items are split into tasks. The tasks of a batch, its chunks, carry its ID, their
// index, from 1, and how many there are.
type Batch struct {
	// ID names the batch, at most MaxIDBytes bytes. The IDs of its tasks follow from it, so that a
	// batch that is enqueued again under its ID is the same tasks again and no others: give one that
	// whoever tries again after a crash will know. Defaults to a new one, which only the result tells.
	ID string
	// ChunkSize is how many items a task has, 1..MaxChunkSize; the last has what is left. Defaults to
	// DefaultChunkSize. It must be the same when the batch is enqueued again, and so must the items.
	ChunkSize int
}

// Chunk is one task of a batch, and what became of it.
type Chunk struct {
	// Index is the chunk's own, from 1.
	Index int
	// From and To are the items in it: items[From:To].
	From, To int
	// TaskID is the ID of its task.
	TaskID string
	// Err is nil where the task is safe in its queue, else what Enqueue would have returned for it, or
	// [ErrBatchBroken] where it was not tried.
	Err error
}

// BatchResult is what became of a batch.
type BatchResult struct {
	// ID is the batch's.
	ID string
	// Chunks are in their order. Each costs some hundred bytes of memory.
	Chunks []Chunk
}

// Failed returns the chunks that were not, or may not have been, published.
func (r BatchResult) Failed() iter.Seq[Chunk] {
	return func(yield func(Chunk) bool) {
		for _, c := range r.Chunks {
			if c.Err != nil && !yield(c) {
				return
			}
		}
	}
}

// Err returns nil where every chunk is published, else an error that tells how many are not, and
// unwraps to that of the first of them.
func (r BatchResult) Err() error {
	var first Chunk
	failed := 0
	for c := range r.Failed() {
		if failed == 0 {
			first = c
		}
		failed++
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("batch %s: %d of %d chunks are not published, the first is chunk %d (items %d to %d): %w",
		r.ID, failed, len(r.Chunks), first.Index, first.From, first.To-1, first.Err)
}

var (
	// ErrBatchBroken is a chunk that was not published since those before it could not be, or since
	// the items ended, for errors.Is.
	ErrBatchBroken = errors.New("batch broken off")
	// ErrBatchCount is a batch whose items are more or fewer than was said, for errors.Is.
	ErrBatchCount = errors.New("wrong count of items")
)

// EnqueueBatch splits items into chunks and publishes each as a task whose payload is the JSON array
// of its items. It returns what became of each chunk, and, as an error, [BatchResult.Err]; what is out
// of bounds, options that set an [ID] among it, is [ErrInvalidTask], and nothing is published then. It
// blocks as the enqueuer's EnqueueMany does.
//
// A chunk that cannot be published, as one that is too large for the broker, has its own error and
// holds up no other. Where of some hundred chunks none can be for want of a broker, a queue or time,
// the rest is [ErrBatchBroken]. Enqueue the batch again under its ID then, whole: the tasks that
// arrived are published a second time under the same IDs. A worker does not hide the second (the
// idempotency store does), and history counts the IDs.
//
// A few MiB of payloads are encoded at a time, so memory does not grow with the number of items but
// for the result. Without items nothing is published.
func EnqueueBatch[T any](
	ctx context.Context, to ManyEnqueuer, d Definition[[]T], b Batch, items []T, opts ...EnqueueOption,
) (BatchResult, error) {
	e, err := newBatchEnqueuer(to, d, b, len(items), opts)
	if err != nil {
		return BatchResult{ID: b.ID}, err
	}
	err = e.run(ctx, func(from, to int) ([]T, error) { return items[from:to], nil })
	return e.result, err
}

// EnqueueBatchSeq is [EnqueueBatch] for items that come one by one, as from a file that is larger than
// memory. Their count is said beforehand, since every task carries how many chunks there are. Where
// there are fewer, a chunk that is not whole is not published, so that the batch can be enqueued again
// under its ID with all of them; where there are more, those are not published either. The error is
// then [ErrBatchCount].
func EnqueueBatchSeq[T any](
	ctx context.Context, to ManyEnqueuer, d Definition[[]T], b Batch, items iter.Seq[T], count int, opts ...EnqueueOption,
) (BatchResult, error) {
	e, err := newBatchEnqueuer(to, d, b, count, opts)
	if err != nil {
		return BatchResult{ID: b.ID}, err
	}
	next, stop := iter.Pull(items)
	defer stop()
	chunk := make([]T, 0, min(count, e.size))
	err = e.run(ctx, func(from, to int) ([]T, error) {
		chunk = chunk[:0]
		for i := from; i < to; i++ {
			item, ok := next()
			if !ok {
				return nil, fmt.Errorf("%w: batch %s: there are %d items, and %d were to come", ErrBatchCount, e.result.ID, i, count)
			}
			chunk = append(chunk, item)
		}
		return chunk, nil
	})
	if err != nil {
		return e.result, err
	}
	if _, more := next(); more {
		return e.result, fmt.Errorf("%w: batch %s: there are more than the %d items that were to come", ErrBatchCount, e.result.ID, count)
	}
	return e.result, nil
}

// ChunkID returns the ID of a chunk's task: a UUIDv5 of the batch's ID, the routing key and the index,
// each but the last followed by a zero byte, in a name space of Warren's own.
func ChunkID(batch, key string, index int) string {
	name := append(append([]byte(batch), 0), key...)
	return uuid.NewSHA1(chunkSpace, strconv.AppendInt(append(name, 0), int64(index), 10)).String()
}

var chunkSpace = uuid.MustParse("5e0bd7a8-6a49-4f0e-9d0a-6d5b6f1a2c37")

// The bounds of what is encoded and handed over at a time. Each time the confirms of all are awaited,
// so a window is long against that.
const (
	windowChunks = 512
	windowBytes  = 4 << 20
)

// batchEnqueuer publishes the chunks of one batch, a window of them at a time.
type batchEnqueuer[T any] struct {
	to     ManyEnqueuer
	def    Definition[[]T]
	opts   []EnqueueOption
	size   int
	result BatchResult

	window []Task
	places []int // in result.Chunks, of the window's tasks
	bytes  int
}

func newBatchEnqueuer[T any](to ManyEnqueuer, d Definition[[]T], b Batch, count int, opts []EnqueueOption) (*batchEnqueuer[T], error) {
	if b.ID == "" {
		b.ID = NewID()
	}
	if b.ChunkSize == 0 {
		b.ChunkSize = DefaultChunkSize
	}
	var probe Task
	for _, opt := range opts {
		opt(&probe)
	}
	switch {
	case len(b.ID) > MaxIDBytes:
		return nil, invalid("batch id", "%d bytes, at most %d", len(b.ID), MaxIDBytes)
	case b.ChunkSize < 1 || b.ChunkSize > MaxChunkSize:
		return nil, invalid("chunk size", "%d is not within 1..%d", b.ChunkSize, MaxChunkSize)
	case probe.ID != "":
		return nil, invalid("id", "the IDs of a batch's tasks follow from the batch's, %q cannot be theirs", probe.ID)
	case count < 0:
		return nil, invalid("count", "%d is below 0", count)
	case count/b.ChunkSize >= math.MaxInt32:
		return nil, invalid("count", "%d items are more than %d chunks of %d", count, math.MaxInt32, b.ChunkSize)
	}
	e := &batchEnqueuer[T]{to: to, def: d, opts: opts, size: b.ChunkSize, result: BatchResult{ID: b.ID}}
	e.result.Chunks = make([]Chunk, (count+b.ChunkSize-1)/b.ChunkSize)
	for i := range e.result.Chunks {
		c := &e.result.Chunks[i]
		*c = Chunk{Index: i + 1, From: i * b.ChunkSize, To: min((i+1)*b.ChunkSize, count), TaskID: ChunkID(b.ID, d.key, i+1)}
	}
	return e, nil
}

// run publishes all chunks, whose items it is given by items. An error of that ends it.
func (e *batchEnqueuer[T]) run(ctx context.Context, items func(from, to int) ([]T, error)) error {
	for i := range e.result.Chunks {
		c := &e.result.Chunks[i]
		chunk, err := items(c.From, c.To)
		if err != nil {
			_ = e.flush(ctx) // what comes of it is in the result
			e.breakOff(i, err)
			return err
		}
		if c.Err = e.add(i, chunk); c.Err != nil {
			continue
		}
		if len(e.window) < windowChunks && e.bytes < windowBytes {
			continue
		}
		if err := e.flush(ctx); err != nil {
			e.breakOff(i+1, err)
			break
		}
	}
	_ = e.flush(ctx) // what comes of it is in the result
	return e.result.Err()
}

// add encodes a chunk into the window.
func (e *batchEnqueuer[T]) add(place int, items []T) error {
	t, err := e.def.task(items, e.opts)
	if err != nil {
		return err
	}
	c := &e.result.Chunks[place]
	t.ID, t.BatchID, t.BatchIndex, t.BatchTotal = c.TaskID, e.result.ID, c.Index, len(e.result.Chunks)
	e.window, e.places = append(e.window, t), append(e.places, place)
	e.bytes += len(t.Payload)
	return nil
}

// flush publishes the window. It returns an error where nothing of it was published for another reason
// than the tasks themselves: then nothing of the next would be.
func (e *batchEnqueuer[T]) flush(ctx context.Context) error {
	if len(e.window) == 0 {
		return nil
	}
	published := false
	var failure error
	for i, outcome := range e.to.EnqueueMany(ctx, e.window) {
		e.result.Chunks[e.places[i]].Err = outcome.Err
		published = published || outcome.Err == nil
		if failure == nil && !errors.Is(outcome.Err, ErrInvalidTask) {
			failure = outcome.Err
		}
	}
	clear(e.window) // the payloads
	e.window, e.places, e.bytes = e.window[:0], e.places[:0], 0
	if published {
		return nil
	}
	return failure
}

// breakOff gives the chunks from a place on the error of those that were not tried.
func (e *batchEnqueuer[T]) breakOff(place int, cause error) {
	err := fmt.Errorf("%w: %w", ErrBatchBroken, cause)
	for i := range e.result.Chunks[place:] {
		e.result.Chunks[place+i].Err = err
	}
}
