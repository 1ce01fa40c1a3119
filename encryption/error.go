package encryption

import "sync"

// sealedError is an error of a handler whose text nobody may read without the key. What it is can
// still be asked for: errors.Is and errors.As see the handler's own.
type sealedError struct {
	err   error
	text  string // of err, asked for once
	texts texts
	whole func() string
}

func newSealedError(err error, text string, x texts) *sealedError {
	return &sealedError{err: err, text: text, texts: x, whole: sync.OnceValue(func() string { return x.seal(text, maxSealedBytes) })}
}

// Error returns the text encrypted, the same each time.
func (e *sealedError) Error() string { return e.whole() }

// ErrorWithin returns as much of the text as fits, encrypted, into a number of bytes
// (tasks.ShortError).
func (e *sealedError) ErrorWithin(size int) string {
	if whole := e.whole(); len(whole) <= size {
		return whole
	}
	return e.texts.seal(e.text, size)
}

// Unwrap returns the handler's error.
func (e *sealedError) Unwrap() error { return e.err }
