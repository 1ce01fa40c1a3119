package tasks

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ShortError is an error that shortens its text itself, because a text that was cut would say
// nothing, as where it is encrypted.
type ShortError interface {
	error
	// ErrorWithin returns a text like Error's, of at most size bytes if there is one.
	ErrorWithin(size int) string
}

// ErrorText returns the text of an error in at most size bytes of valid UTF-8, as headers and events
// carry it. What goes of a longer one is the middle; a [ShortError] in its chain is asked to shorten
// its own part before.
func ErrorText(err error, size int) string { return errorText("", err, size) }

// errorText is ErrorText with something in front.
func errorText(front string, err error, size int) string {
	text := front + fmt.Sprint(err)
	var short ShortError
	if len(text) > size && errors.As(err, &short) {
		part := short.Error()
		if before, after, found := strings.Cut(text, part); found {
			text = before + short.ErrorWithin(max(0, size-len(before)-len(after))) + after
		}
	}
	return Cut(text, size)
}

// Cut shortens a text to a number of bytes, and makes it valid UTF-8: RabbitMQ's console cannot show
// a header that is not. What goes is the middle: an error begins with what was being done, and ends
// with what came in the way, as do the last lines of a program.
func Cut(text string, size int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= size {
		return text
	}
	const mark = " … "
	kept := size - len(mark)
	if kept < 0 {
		return ""
	}
	end := kept * 2 / 5
	start := len(text) - (kept - end)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	return text[:end] + mark + text[start:]
}
