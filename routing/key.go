package routing

import (
	"fmt"
	"strings"
)

// The bounds of names, in bytes. AMQP's own limit for a routing key and a queue name is 255
// bytes; what is left is for the front that the delay ladder puts before a key (30 bytes) and the
// ending `.dead` of a queue's dead-letter queue.
const (
	MaxKeyBytes    = 180
	MaxQueueBytes  = 180
	MaxPrefixBytes = 64
	// MaxHashes is the number of words `#` that a pattern may have: RabbitMQ 4.3.5 refuses to route
	// by more (its release notes), since matching several is exponential.
	MaxHashes = 2
)

// DeadSuffix ends the name of a queue's dead-letter queue.
const DeadSuffix = ".dead"

// ValidateKey checks a routing key that a task is to be published under: 1 to [MaxKeyBytes] bytes,
// words of [A-Za-z0-9_-]+ joined by dots. It returns an error that is [ErrInvalidKey].
func ValidateKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	if len(key) > MaxKeyBytes {
		return fmt.Errorf("%w %.40q…: %d bytes, at most %d", ErrInvalidKey, key, len(key), MaxKeyBytes)
	}
	for word := range strings.SplitSeq(key, ".") {
		if !isWord(word) {
			return fmt.Errorf("%w %q: the word %q is not of letters, digits, _ and -", ErrInvalidKey, key, word)
		}
	}
	return nil
}

// ValidateQueue checks the name of a work queue: 1 to [MaxQueueBytes] bytes of [A-Za-z0-9_.-], not
// ending in [DeadSuffix] and not beginning with the prefix of the internal names (empty: with
// [DefaultPrefix]) nor with `amq.`, which RabbitMQ keeps for itself. It returns an error that is
// [ErrInvalidQueue].
func ValidateQueue(name, prefix string) error {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidQueue)
	case len(name) > MaxQueueBytes:
		return fmt.Errorf("%w %.40q…: %d bytes, at most %d", ErrInvalidQueue, name, len(name), MaxQueueBytes)
	case strings.HasSuffix(name, DeadSuffix):
		return fmt.Errorf("%w %q: names ending in %s are dead-letter queues", ErrInvalidQueue, name, DeadSuffix)
	case strings.HasPrefix(name, prefix):
		return fmt.Errorf("%w %q: names beginning with %s are internal", ErrInvalidQueue, name, prefix)
	case strings.HasPrefix(name, "amq."):
		return fmt.Errorf("%w %q: names beginning with amq. are RabbitMQ's own", ErrInvalidQueue, name)
	}
	for i := range len(name) {
		if c := name[i]; !isWordByte(c) && c != '.' {
			return fmt.Errorf("%w %q: the character %q is not a letter, a digit, _, - or a dot", ErrInvalidQueue, name, c)
		}
	}
	return nil
}

// ValidatePrefix checks the prefix of the internal names: 1 to [MaxPrefixBytes] bytes of
// [A-Za-z0-9_-], not `amq`. It returns an error that is [ErrInvalidPrefix].
func ValidatePrefix(prefix string) error {
	switch {
	case len(prefix) > MaxPrefixBytes:
		return fmt.Errorf("%w %.40q…: %d bytes, at most %d", ErrInvalidPrefix, prefix, len(prefix), MaxPrefixBytes)
	case !isWord(prefix):
		return fmt.Errorf("%w %q: it is not of letters, digits, _ and -", ErrInvalidPrefix, prefix)
	case prefix == "amq":
		return fmt.Errorf("%w %q: it is RabbitMQ's own", ErrInvalidPrefix, prefix)
	}
	return nil
}

func isWord(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
