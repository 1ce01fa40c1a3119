// Package logging is how the binaries log: tinted lines on a terminal, JSON otherwise, from a
// level that the environment may set. Packages of the library are given a logger and do not know
// of this one.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"
)

// EnvLevel is the variable of the environment that sets the level: debug, info, warn or error.
const EnvLevel = "WARREN_LOG_LEVEL"

// New returns a logger that writes to w: lines for a reader where w is a terminal, one JSON object
// a line otherwise, in which durations are texts such as "1.5s".
func New(w io.Writer, level slog.Level) *slog.Logger {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable}))
}

// readable writes durations as people do; slog's JSON has them as nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Level returns the level that the environment sets, info where it sets none. Another text than
// the four is an error that names the variable.
func Level(getenv func(string) (string, bool)) (slog.Level, error) {
	switch text, _ := getenv(EnvLevel); text {
	case "debug":
		return slog.LevelDebug, nil
	case "", "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	default:
		return 0, fmt.Errorf("%s: %q is none of debug, info, warn, error", EnvLevel, text)
	}
}
