package idempotency

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxKeyBytes bounds the length of a key. That of a work, by [Key], is never longer.
const MaxKeyBytes = 512

// The errors of this package, for errors.Is.
var (
	// ErrClaimLost is a claim that is not the caller's any more: its lease ran out and another took
	// it over, or nobody could be asked for so long that another may have. It is the cause of a
	// handler's context that is cancelled over it.
	ErrClaimLost = errors.New("the claim is lost")
	// ErrUnavailable is a store that could not be asked whether a task is done, so that the task
	// was not run.
	ErrUnavailable = errors.New("the idempotency store cannot be asked")
	// ErrInvalidKey is a key that is empty or longer than MaxKeyBytes.
	ErrInvalidKey = errors.New("invalid idempotency key")
	// ErrNoClaim is a transaction that is to complete a work, and whose context is not one that the
	// Middleware has made for a handler with the same store.
	ErrNoClaim = errors.New("no claim of this store in the context")
	// ErrCompleted is a second transaction of one run, after the first has completed the work.
	ErrCompleted = errors.New("the work is completed already")
	// ErrFull is a Memory whose capacity is taken by works that are being run.
	ErrFull = errors.New("the memory is full of works that are being run")
	// ErrInvalidTable is a name that cannot be that of a table.
	ErrInvalidTable = errors.New("invalid table name")
)

// State is what a store knows of a work that somebody wants to claim.
type State int

// The states. The zero State is none of them.
const (
	// Claimed: the claim is the caller's now.
	Claimed State = iota + 1
	// Done: the work is completed.
	Done
	// Busy: another holds the claim, and its lease has not run out.
	Busy
)

// String returns the state's name.
func (s State) String() string {
	switch s {
	case Claimed:
		return "claimed"
	case Done:
		return "done"
	case Busy:
		return "busy"
	default:
		return fmt.Sprintf("State(%d)", int(s))
	}
}

// Claim is the answer to a wish to claim a work.
type Claim struct {
	State State
	// Remaining is how long the other's lease still is where the work is Busy, at least 0. It is a
	// length and not a time, since the store's clock need not be the worker's.
	Remaining time.Duration
}

// Store remembers which works are claimed, by whom, and which are done. An owner is a UUID, a new
// one for each claim; a lease is above 0. Methods may be called by any number of goroutines, heed
// their context, and may be called again with the same arguments after an error: what has happened
// the first time does no harm.
//
// A claim whose lease has run out is its owner's until another takes it over.
type Store interface {
	// Claim claims a work for the length of a lease, counted by the store's own clock. It takes over
	// a claim whose lease has run out. An owner that holds the claim is given it anew.
	Claim(ctx context.Context, key, owner string, lease time.Duration) (Claim, error)
	// Extend makes the lease of a claim last from now on. Of a work that its owner has completed it
	// changes nothing. Where the claim is not the owner's the error is ErrClaimLost.
	Extend(ctx context.Context, key, owner string, lease time.Duration) error
	// Complete notes that the work is done. It may be called twice. Where the claim is not the
	// owner's the error is ErrClaimLost.
	Complete(ctx context.Context, key, owner string) error
	// Release gives a claim back, so that anybody may claim the work at once. It does nothing where
	// the claim is not the owner's, or the work is done.
	Release(ctx context.Context, key, owner string) error
}

func checkKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	case len(key) > MaxKeyBytes:
		return fmt.Errorf("%w: %.40q… has %d bytes, at most %d", ErrInvalidKey, key, len(key), MaxKeyBytes)
	}
	return nil
}
