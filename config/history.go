package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/warrenmq/warren/history"
	"github.com/warrenmq/warren/routing"
)

// The defaults and bounds of history.
const (
	DefaultRetention = 7 * day
	MinRetention     = time.Minute
	MaxRetention     = 3650 * day

	// DefaultMaxSize and its bounds are in bytes.
	DefaultMaxSize = 10 << 30
	MinMaxSize     = 1 << 20
	MaxMaxSize     = 100 << 40

	// historySegment is how large a segment of the stream is: RabbitMQ forgets whole segments only.
	historySegment = 16 << 20
)

// History is what is kept of what happened to tasks.
type History struct {
	// Level defaults to history.Outcomes.
	Level history.Level
	// Retention is how long it is kept, MinRetention..MaxRetention. Defaults to DefaultRetention.
	Retention time.Duration
	// MaxSize is how many bytes are kept at most, MinMaxSize..MaxMaxSize. Defaults to DefaultMaxSize.
	MaxSize int64
}

// stream is the stream that the history is kept in.
func (h History) stream(n routing.Names) routing.StreamSpec {
	return routing.StreamSpec{
		Name: n.History(), MaxAge: h.Retention, MaxBytes: h.MaxSize, SegmentBytes: min(historySegment, h.MaxSize/4),
	}
}

// history reads its section.
func (v value) history(h *History) {
	v.fields(map[string]func(value){
		"level":     func(v value) { v.level(&h.Level) },
		"retention": func(v value) { v.duration(&h.Retention, MinRetention, MaxRetention) },
		"max_size":  func(v value) { v.size(&h.MaxSize, MinMaxSize, MaxMaxSize) },
	})
}

// level reads one of off, outcomes, all.
func (v value) level(to *history.Level) {
	var text string
	if !v.text(&text) {
		return
	}
	level, err := history.ParseLevel(text)
	if err != nil {
		v.failWith(err)
		return
	}
	*to = level
}

var sizeText = regexp.MustCompile(`^([0-9]{1,15}) ?([KMGT]i?B|B)?$`)

var sizeUnits = map[string]int64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// ParseSize reads a number of bytes with its unit, such as 500MB or 10GiB; without one it is bytes.
func ParseSize(text string) (int64, error) {
	match := sizeText.FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("%.40q is not a size, such as 500MB or 10GiB", text)
	}
	n, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return 0, err // it has 15 digits at most
	}
	unit := sizeUnits[match[2]]
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%.40q is too large a size", text)
	}
	return n * unit, nil
}

// size reads a size within bounds.
func (v value) size(to *int64, low, high int64) {
	s, ok := v.scalar("a size, such as 500MB or 10GiB,")
	if !ok {
		return
	}
	n, err := ParseSize(s.text)
	if err != nil {
		v.failWith(err)
		return
	}
	if n < low || n > high {
		v.fail("%s is not within %dMiB..%dTiB", s.text, low>>20, high>>40)
		return
	}
	*to = n
}
