package deadletter

import (
	"strings"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// Filter chooses among letters; a letter must satisfy every field that is set.
type Filter struct {
	// Reason is the letter's. Empty: any.
	Reason tasks.Reason
	// Key matches the task's original routing key. The zero pattern: any.
	Key routing.Pattern
	// ID is the task's. Empty: any.
	ID string
	// Error is a part of the last error's text, upper case or lower. Empty: any.
	Error string
	// ErrorText reads the last error of a letter for Error, as whoever can decrypt it does. Defaults to
	// the record's own.
	ErrorText func(*Record) string
	// Since and Before bound when it became a letter: since <= failed < before. Letters of which nothing
	// tells when, as of parked tasks, are within neither. The zero time: no bound.
	Since, Before time.Time
	// Schedule is the entry that emitted the task. Empty: any, and none.
	Schedule string
	// Limit is how many of those chosen are shown at most; below 1: all.
	Limit int
}

// All reports whether the filter chooses every letter, but for its limit.
func (f *Filter) All() bool {
	return f.Reason == "" && f.Key.String() == "" && f.ID == "" && f.Error == "" && f.Since.IsZero() && f.Before.IsZero() && f.Schedule == ""
}

// Match reports whether the filter chooses a letter.
func (f *Filter) Match(r *Record) bool {
	return (f.Reason == "" || f.Reason == r.Reason) &&
		(f.Key.String() == "" || f.Key.Match(r.Key)) &&
		(f.ID == "" || f.ID == r.ID) &&
		(f.Schedule == "" || f.Schedule == r.Schedule) &&
		f.within(r.FailedAt) &&
		(f.Error == "" || strings.Contains(strings.ToLower(f.errorText(r)), strings.ToLower(f.Error)))
}

// within reports whether a time is within the bounds.
func (f *Filter) within(at time.Time) bool {
	if at.IsZero() {
		return f.Since.IsZero() && f.Before.IsZero()
	}
	return (f.Since.IsZero() || !at.Before(f.Since)) && (f.Before.IsZero() || at.Before(f.Before))
}

func (f *Filter) errorText(r *Record) string {
	if f.ErrorText == nil {
		return r.Error
	}
	return f.ErrorText(r)
}
