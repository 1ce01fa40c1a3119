package routing

import "errors"

// The errors of this package. Each is returned wrapped with the value at fault.
var (
	// ErrInvalidKey is a routing key that is empty, too long, or has a word outside [A-Za-z0-9_-]+.
	ErrInvalidKey = errors.New("invalid routing key")
	// ErrInvalidPattern is a binding pattern that is empty, too long, has a word that is neither
	// `*`, `#` nor [A-Za-z0-9_-]+, or has more than [MaxHashes] words `#`.
	ErrInvalidPattern = errors.New("invalid routing pattern")
	// ErrInvalidQueue is a queue name that is empty, too long, reserved, or outside [A-Za-z0-9_.-]+.
	ErrInvalidQueue = errors.New("invalid queue name")
	// ErrInvalidPrefix is a prefix for internal names that is empty, too long, or outside [A-Za-z0-9_-]+.
	ErrInvalidPrefix = errors.New("invalid prefix")
	// ErrInvalidType is a queue type other than auto, quorum or classic.
	ErrInvalidType = errors.New("invalid queue type")
	// ErrInvalidStream is a stream without a name of the prefix, or with a retention below 0.
	ErrInvalidStream = errors.New("invalid stream")
	// ErrDuplicate is a queue, a stream, or a pattern within one queue, that is configured twice.
	ErrDuplicate = errors.New("configured twice")
	// ErrDelayTooLong is a delay longer than [MaxDelay].
	ErrDelayTooLong = errors.New("delay too long")
)
