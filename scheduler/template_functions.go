package scheduler

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// The bounds of what a template's functions take and give: none grows a text without end, however
// they are nested.
const (
	maxLayoutBytes = 200
	maxPrintfBytes = 1000
)

// templateFunctions are the functions that a payload template has beside those of
// templateComparisons. Unlike text/template's own, and and or look at all that they are given and
// tell only true or false: what they are given by other ticks has been seen to work.
var templateFunctions = template.FuncMap{
	"printf": boundedPrintf,
	"and":    func(first any, rest ...any) bool { return truths(first, rest) == 1+len(rest) },
	"or":     func(first any, rest ...any) bool { return truths(first, rest) > 0 },
}

// templateComparisons are the functions of text/template itself that a payload template has.
var templateComparisons = map[string]any{"eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true, "not": true}

// truths counts what an if would take for true.
func truths(first any, rest []any) int {
	n := 0
	for _, v := range append([]any{first}, rest...) {
		if truth, _ := template.IsTrue(v); truth {
			n++
		}
	}
	return n
}

// wide is a verb whose width or precision is computed, or has three digits.
var wide = regexp.MustCompile(`%[^%a-zA-Z]*(\*|[0-9]{3})`)

// boundedPrintf is fmt.Sprintf within bounds, with times as RFC 3339 whatever the verb.
func boundedPrintf(format string, args ...any) (string, error) {
	switch {
	case len(format) > maxPrintfBytes:
		return "", fmt.Errorf("a format of %d bytes, at most %d", len(format), maxPrintfBytes)
	case wide.MatchString(format):
		return "", fmt.Errorf("%.40q: a width or precision is below 100, and no *", format)
	}
	for i, arg := range args {
		switch arg := arg.(type) {
		case fireTime:
			args[i] = arg.String()
		case string:
			if len(arg) > maxPrintfBytes {
				return "", fmt.Errorf("a text of %d bytes, at most %d", len(arg), maxPrintfBytes)
			}
		}
	}
	text := fmt.Sprintf(format, args...)
	switch {
	case len(text) > maxPrintfBytes:
		return "", fmt.Errorf("a text of %d bytes, at most %d", len(text), maxPrintfBytes)
	case strings.Contains(text, "%!"):
		return "", fmt.Errorf("%.40q does not fit what it is given: %.80s", format, text)
	}
	return text, nil
}

// fireTime is a time as templates have it: all that can be asked of it is small.
type fireTime struct{ at time.Time }

// String is RFC 3339.
func (t fireTime) String() string { return t.at.Format(time.RFC3339) }

// Format tells the time by a layout of package time.
func (t fireTime) Format(layout string) (string, error) {
	if len(layout) > maxLayoutBytes {
		return "", fmt.Errorf("a layout of %d bytes, at most %d", len(layout), maxLayoutBytes)
	}
	return t.at.Format(layout), nil
}

// UTC is the same time in UTC.
func (t fireTime) UTC() fireTime { return fireTime{t.at.UTC()} }

// Add is the time a duration later, or earlier where it begins with a minus.
func (t fireTime) Add(duration string) (fireTime, error) {
	d, err := time.ParseDuration(duration)
	if err != nil {
		return fireTime{}, fmt.Errorf("%.40q is not a duration, such as 90m or -24h", duration)
	}
	return t.moved(t.at.Add(d))
}

// AddDate is the time by the calendar of its zone later.
func (t fireTime) AddDate(years, months, days int) (fireTime, error) {
	const most = 1_000_000 // keeps package time from overflowing
	if max(years, months, days) > most || min(years, months, days) < -most {
		return fireTime{}, fmt.Errorf("more than %d", most)
	}
	return t.moved(t.at.AddDate(years, months, days))
}

func (t fireTime) moved(to time.Time) (fireTime, error) {
	if to.Year() < 1 || to.Year() > 9999 {
		return fireTime{}, errors.New("the year is not within 1..9999")
	}
	return fireTime{to}, nil
}

// Unix is the seconds since 1970.
func (t fireTime) Unix() int64 { return t.at.Unix() }

// UnixMilli is the milliseconds since 1970.
func (t fireTime) UnixMilli() int64 { return t.at.UnixMilli() }

// Year is the year.
func (t fireTime) Year() int { return t.at.Year() }

// Month is 1 to 12, printed as its name.
func (t fireTime) Month() time.Month { return t.at.Month() }

// Day is the day of the month.
func (t fireTime) Day() int { return t.at.Day() }

// Hour is 0 to 23.
func (t fireTime) Hour() int { return t.at.Hour() }

// Minute is 0 to 59.
func (t fireTime) Minute() int { return t.at.Minute() }

// Second is 0 to 59.
func (t fireTime) Second() int { return t.at.Second() }

// Weekday is 0, for Sunday, to 6, printed as its name.
func (t fireTime) Weekday() time.Weekday { return t.at.Weekday() }

// Before reports whether the time is before another.
func (t fireTime) Before(other fireTime) bool { return t.at.Before(other.at) }

// After reports whether the time is after another.
func (t fireTime) After(other fireTime) bool { return t.at.After(other.at) }

// Equal reports whether the two are one time.
func (t fireTime) Equal(other fireTime) bool { return t.at.Equal(other.at) }
