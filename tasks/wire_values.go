package tasks

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

const (
	// maxUnixSeconds is the last second of the year 9999: RFC 3339 can say no later time.
	maxUnixSeconds = 253402300799
	maxUnixMillis  = maxUnixSeconds*1000 + 999
	// endOfTime is the last second that a publisher may say: a year before, so that neither a zone nor rounding
	// leads over the limit.
	endOfTime = maxUnixSeconds - 365*24*3600
	// maxExpirationMillis is RabbitMQ's own bound of a message's expiration: ten years.
	maxExpirationMillis = 315_360_000_000
)

func intField(header string, low, high int64, at func(*Task) *int) field {
	return field{header, func(t *Task, value any) error {
		n, err := readInt(value, low, high)
		if err == nil {
			*at(t) = int(n)
		}
		return err
	}, func(t *Task) any {
		if *at(t) == 0 {
			return nil
		}
		return int64(*at(t))
	}}
}

func millisField(header string, toMillis func(time.Time) int64, at func(*Task) *time.Time) field {
	return field{header, func(t *Task, value any) error {
		millis, err := readMillis(value)
		if err == nil {
			*at(t) = time.UnixMilli(millis)
		}
		return err
	}, func(t *Task) any {
		if at(t).IsZero() {
			return nil
		}
		return toMillis(*at(t))
	}}
}

func readMillis(value any) (int64, error) {
	stamp, ok := value.(time.Time)
	if !ok {
		return readInt(value, 0, maxUnixMillis)
	}
	// AMQP's own timestamp type has seconds, and more of them than fit as milliseconds.
	if _, err := readInt(stamp.Unix(), 0, maxUnixSeconds); err != nil {
		return 0, err
	}
	return stamp.UnixMilli(), nil
}

// ceilMillis rounds up: what is not to run before a time must not run in the millisecond before it.
func ceilMillis(at time.Time) int64 { return at.Add(time.Millisecond - 1).UnixMilli() }

func textField(header string, at func(*Task) *string) field {
	return field{header, func(t *Task, value any) error {
		text, err := readText(value)
		if err == nil {
			*at(t) = text
		}
		return err
	}, func(t *Task) any {
		if *at(t) == "" {
			return nil
		}
		return *at(t)
	}}
}

// traceField is a text that no task is dead for.
func traceField(header string, at func(*Task) *string) field {
	f := textField(header, at)
	read := f.read
	f.read = func(t *Task, value any) error {
		_ = read(t, value) // W3C Trace Context, 3.2: what cannot be parsed is as if it were not there
		return nil
	}
	return f
}

func readTimeout(t *Task, value any) error {
	millis, err := readInt(value, 1, MaxTimeout.Milliseconds())
	if err == nil {
		t.Timeout = time.Duration(millis) * time.Millisecond
	}
	return err
}

func writeTimeout(t *Task) any {
	if t.Timeout == 0 {
		return nil
	}
	return t.Timeout.Milliseconds()
}

func readScheduledFor(t *Task, value any) error {
	text, err := readText(value)
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("not RFC 3339: %.40q", text)
	}
	t.ScheduledFor = at
	return nil
}

func writeScheduledFor(t *Task) any {
	if t.ScheduledFor.IsZero() {
		return nil
	}
	return t.ScheduledFor.Format(time.RFC3339)
}

func readErrors(t *Task, value any) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("not an array but %T", value)
	}
	texts := make([]string, 0, len(list))
	for i, item := range list {
		text, err := readText(item)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		texts = append(texts, text)
	}
	t.Errors = trimErrors(texts)
	return nil
}

func writeErrors(t *Task) any {
	if len(t.Errors) == 0 {
		return nil
	}
	return errorList(trimErrors(slices.Clone(t.Errors)))
}

func errorList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}

// readInt reads an integer of any AMQP type, an integral float, or decimal text, within bounds.
func readInt(value any, low, high int64) (int64, error) {
	var n int64
	switch v := value.(type) {
	case int8:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	case int:
		n = int64(v)
	case uint8:
		n = int64(v)
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	case uint64:
		if v > math.MaxInt64 {
			return 0, fmt.Errorf("%d is not within %d..%d", v, low, high)
		}
		n = int64(v)
	case float32:
		return readFloat(float64(v), low, high)
	case float64:
		return readFloat(v, low, high)
	case string:
		return parseInt(v, low, high)
	case []byte:
		return parseInt(string(v), low, high)
	default:
		return 0, fmt.Errorf("not a number but %T", value)
	}
	if n < low || n > high {
		return 0, fmt.Errorf("%d is not within %d..%d", n, low, high)
	}
	return n, nil
}

func readFloat(f float64, low, high int64) (int64, error) {
	if f != math.Trunc(f) || f < float64(low) || f > float64(high) { // NaN differs from itself
		return 0, fmt.Errorf("%v is not a whole number within %d..%d", f, low, high)
	}
	return int64(f), nil
}

func parseInt(text string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("not a number: %.40q", text)
	}
	if n < low || n > high {
		return 0, fmt.Errorf("%d is not within %d..%d", n, low, high)
	}
	return n, nil
}

func readText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	default:
		return "", fmt.Errorf("not a text but %T", value)
	}
}
