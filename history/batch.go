package history

import (
	"context"
	"maps"
	"slices"
)

// MaxIndexes is how many indexes of one kind a [BatchStatus] names.
const MaxIndexes = 100

// BatchStatus is how far a batch is, by what its history tells. A chunk is known by its index: tasks
// that were published twice count once. One that several queues want has come as far as in the queue
// where it is least far.
type BatchStatus struct {
	Batch string `json:"batch"`
	// Total is how many chunks the batch has, 0 where nothing was heard of it. It is the sum of the next
	// five.
	Total int `json:"total"`
	// Done chunks have succeeded.
	Done int `json:"done"`
	// Dead chunks are dead letters, or were revoked. One that is replayed and succeeds is done.
	Dead int `json:"dead"`
	// Running chunks have started, which only the level All tells, or told of their progress.
	Running int `json:"running"`
	// Waiting chunks have failed and run again later, or went back to their queue.
	Waiting int `json:"waiting"`
	// Missing chunks have not been heard of: they wait in their queue for the first time, run where the
	// level is not All, or were never enqueued.
	Missing int `json:"missing"`
	// DeadIndexes and MissingIndexes are the first MaxIndexes of them.
	DeadIndexes    []int `json:"dead_indexes"`
	MissingIndexes []int `json:"missing_indexes"`
	// Gaps is how many events history lacks in the time that was read; any of them may have been the
	// batch's.
	Gaps int `json:"gaps"`
	// Totals are more than one where the batch's tasks do not agree on how many they are: then it was
	// enqueued again with other chunks. Total is the largest.
	Totals int `json:"totals"`
}

// Complete reports whether every chunk is done.
func (s *BatchStatus) Complete() bool { return s.Total > 0 && s.Done == s.Total }

// stage is how far a chunk is in one queue.
type stage int

// The stages, the least far first: of a chunk that is in several queues the first counts.
const (
	dead stage = iota
	waiting
	running
	done
)

// batchWork is a chunk in one queue.
type batchWork struct {
	queue string
	index int
}

// ReadBatch reads what the history tells of a batch. Its memory grows with the batch's chunks. The
// errors are the reader's.
func ReadBatch(ctx context.Context, from StreamReader, stream, batch string) (BatchStatus, error) {
	works := map[batchWork]stage{}
	totals := map[int]bool{}
	s := BatchStatus{Batch: batch, DeadIndexes: []int{}, MissingIndexes: []int{}}
	err := Read(ctx, from, stream, Filter{Batch: batch}, func(e Event) error {
		if e.Event == Gap {
			s.Gaps += e.Count
			return nil
		}
		if e.BatchIndex < 1 || e.BatchIndex > e.BatchTotal {
			return nil // a foreign task's headers
		}
		if !totals[e.BatchTotal] {
			totals[e.BatchTotal] = true
			s.Total = max(s.Total, e.BatchTotal)
		}
		work := batchWork{e.Queue, e.BatchIndex}
		if now, tells := stageOf(e.Event); tells && works[work] != done {
			works[work] = now
		}
		return nil
	})
	s.Totals = len(totals)
	s.count(works)
	return s, err
}

// stageOf is how far an event says that a task is. The second result is false where it does not say.
func stageOf(k Kind) (stage, bool) {
	switch k {
	case Started, Progress:
		return running, true
	case Succeeded:
		return done, true
	case Dead, Revoked:
		return dead, true
	case Retried, Snoozed, Returned:
		return waiting, true
	default:
		return 0, false
	}
}

// count sums up how far the chunks are. Total is what the headers of whoever published say, up to 2^31-1,
// so that it does not count to there.
func (s *BatchStatus) count(works map[batchWork]stage) {
	chunks := make(map[int]stage, len(works))
	for work, now := range works {
		if before, seen := chunks[work.index]; !seen || now < before {
			chunks[work.index] = now
		}
	}
	for _, index := range slices.Sorted(maps.Keys(chunks)) {
		switch chunks[index] {
		case dead:
			s.Dead++
			if len(s.DeadIndexes) < MaxIndexes {
				s.DeadIndexes = append(s.DeadIndexes, index)
			}
		case waiting:
			s.Waiting++
		case running:
			s.Running++
		default:
			s.Done++
		}
	}
	s.Missing = s.Total - len(chunks)
	for index := 1; index <= s.Total && len(s.MissingIndexes) < min(s.Missing, MaxIndexes); index++ {
		if _, seen := chunks[index]; !seen {
			s.MissingIndexes = append(s.MissingIndexes, index)
		}
	}
}
