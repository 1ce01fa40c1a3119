package tasks_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// kind is how a header is written.
type kind int

const (
	number kind = iota
	stamp       // unix ms, or AMQP's own timestamp
	text
	rfc3339
	list
	trace // a text; what is none is ignored
)

// wireHeaders is every header that a task is read from, and where it is read into.
var wireHeaders = []struct {
	name string
	kind kind
	read func(tasks.Task) any
	want any // what a seven becomes; a text becomes itself
}{
	{tasks.HeaderAttempt, number, func(t tasks.Task) any { return t.Attempt }, 7},
	{tasks.HeaderMaxAttempts, number, func(t tasks.Task) any { return t.MaxAttempts }, 7},
	{tasks.HeaderSettlement, number, func(t tasks.Task) any { return t.Settlement }, 7},
	{tasks.HeaderRedeliveries, number, func(t tasks.Task) any { return t.Redeliveries }, 7},
	{tasks.HeaderTimeout, number, func(t tasks.Task) any { return t.Timeout }, 7 * time.Millisecond},
	{tasks.HeaderEnqueuedAt, stamp, func(t tasks.Task) any { return t.EnqueuedAt }, time.UnixMilli(7)},
	{tasks.HeaderNotBefore, stamp, func(t tasks.Task) any { return t.NotBefore }, time.UnixMilli(7)},
	{tasks.HeaderExpiresAt, stamp, func(t tasks.Task) any { return t.ExpiresAt }, time.UnixMilli(7)},
	{tasks.HeaderRoutingKey, text, func(t tasks.Task) any { return t.Key }, nil},
	{tasks.HeaderSchedule, text, func(t tasks.Task) any { return t.Schedule }, nil},
	{tasks.HeaderEnqueuedBy, text, func(t tasks.Task) any { return t.EnqueuedBy }, nil},
	{tasks.HeaderTraceParent, trace, func(t tasks.Task) any { return t.TraceParent }, nil},
	{tasks.HeaderTraceState, trace, func(t tasks.Task) any { return t.TraceState }, nil},
	{tasks.HeaderPreviousAttempt, trace, func(t tasks.Task) any { return t.PreviousAttempt }, nil},
	{tasks.HeaderScheduledFor, rfc3339, func(t tasks.Task) any { return t.ScheduledFor }, time.Date(2026, 11, 22, 6, 0, 7, 0, time.UTC)},
	{tasks.HeaderErrors, list, func(t tasks.Task) any { return t.Errors }, []string{"7"}},
}

// amqpValues is a value of every type that an AMQP table may hold, and the kinds that read it.
var amqpValues = []struct {
	value any
	kinds []kind
}{
	{int8(7), []kind{number, stamp}}, {int16(7), []kind{number, stamp}}, {int32(7), []kind{number, stamp}},
	{int64(7), []kind{number, stamp}}, {int(7), []kind{number, stamp}},
	{uint8(7), []kind{number, stamp}}, {uint16(7), []kind{number, stamp}}, {uint32(7), []kind{number, stamp}}, {uint64(7), []kind{number, stamp}},
	{float32(7), []kind{number, stamp}}, {float64(7), []kind{number, stamp}},
	{"7", []kind{number, stamp, text}}, {[]byte("7"), []kind{number, stamp, text}},
	{time.UnixMilli(7), []kind{stamp}},
	{"2026-11-22T06:00:07Z", []kind{text, rfc3339}}, {[]byte("2026-11-22T06:00:07Z"), []kind{text, rfc3339}},
	{[]any{"7"}, []kind{list}}, {[]any{[]byte("7")}, []kind{list}},
	{true, nil}, {nil, nil}, {map[string]any{"7": 7}, nil}, {struct{}{}, nil},
	{int8(-7), nil}, {int64(math.MinInt64), nil}, {uint64(math.MaxUint64), nil}, {int64(math.MaxInt64), nil},
	{float32(math.Inf(1)), nil}, {math.NaN(), nil}, {math.Inf(-1), nil}, {7.5, nil}, {1e300, nil}, {-1e300, nil},
	{[]any{7}, nil}, {[]any{"7", nil}, nil},
	{time.Unix(-1, 0), nil}, {time.Unix(1<<61, 0), nil}, {time.Unix(math.MaxInt64, 0), nil}, {time.Time{}, nil},
}

func TestDecodeEveryHeaderOfEveryType(t *testing.T) {
	t.Parallel()
	for _, header := range wireHeaders {
		for _, v := range amqpValues {
			m := tasks.Message{RoutingKey: "email", MessageID: "1", Headers: map[string]any{header.name: v.value, "x-tenant": "acme"}}
			task, err := tasks.Decode(m, "work", now)
			assert.Equal(t, "1", task.ID, "the rest is filled in any case")
			assert.Equal(t, map[string]any{"x-tenant": "acme"}, task.Headers)
			assert.Equal(t, "work", task.Queue)
			isText := slices.Contains(v.kinds, text)
			if slices.Contains(v.kinds, header.kind) || header.kind == trace && isText {
				require.NoError(t, err, "%s: %T %v", header.name, v.value, v.value)
				want := header.want
				if header.kind == text || header.kind == trace {
					want = fmt.Sprintf("%s", v.value)
				}
				assert.Equal(t, want, header.read(task), "%s: %T %v", header.name, v.value, v.value)
				continue
			}
			bare, bareErr := tasks.Decode(tasks.Message{RoutingKey: "email", MessageID: "1"}, "work", now)
			require.NoError(t, bareErr)
			assert.Equal(t, header.read(bare), header.read(task), "what cannot be read is as if absent")
			if header.kind == trace || v.value == nil {
				require.NoError(t, err)
				continue
			}
			var malformed *tasks.MalformedError
			require.ErrorAs(t, err, &malformed, "%s: %T %v", header.name, v.value, v.value)
			require.Equal(t, "header "+header.name, malformed.Field)
			require.ErrorContains(t, err, "malformed header "+header.name+": ")
		}
	}
}

func TestDecodeBounds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ low, high int64 }{
		tasks.HeaderAttempt:      {1, math.MaxInt32},
		tasks.HeaderMaxAttempts:  {1, tasks.MaxMaxAttempts},
		tasks.HeaderSettlement:   {0, math.MaxInt32},
		tasks.HeaderRedeliveries: {0, math.MaxInt32},
		tasks.HeaderTimeout:      {1, tasks.MaxTimeout.Milliseconds()},
		tasks.HeaderEnqueuedAt:   {0, 253402300799999},
		tasks.HeaderNotBefore:    {0, 253402300799999},
		tasks.HeaderExpiresAt:    {0, 253402300799999},
	}
	for header, bound := range tests {
		for value, ok := range map[any]bool{
			bound.low: true, bound.high: true, bound.low - 1: false, bound.high + 1: false,
			float64(bound.high): true, float64(bound.high + 1): false, float64(bound.low - 1): false,
			"": false, " 7": false, "7 ": false, "0x7": false, "7e0": false, "7_0": false, "seven": false, "99999999999999999999": false,
			"\xff": false,
		} {
			_, err := tasks.Decode(tasks.Message{Headers: map[string]any{header: value}}, "work", now)
			if ok {
				assert.NoError(t, err, "%s: %v", header, value)
			} else {
				assert.ErrorContains(t, err, header, "%v", value)
			}
		}
	}
}

func TestDecodeTellsOfEveryMalformedHeaderInOneOrder(t *testing.T) {
	t.Parallel()
	for range 20 { // a map's order differs from time to time
		_, err := tasks.Decode(tasks.Message{Expiration: "soon", Headers: map[string]any{
			tasks.HeaderTimeout: "long", tasks.HeaderAttempt: 0, tasks.HeaderErrors: []any{"#1", 2}, tasks.HeaderScheduledFor: "noon",
		}}, "work", now)
		require.EqualError(t, err, "malformed header warren-attempt: 0 is not within 1..2147483647\n"+
			"malformed header warren-errors: item 1: not a text but int\n"+
			"malformed header warren-scheduled-for: not RFC 3339: \"noon\"\n"+
			"malformed header warren-timeout-ms: not a number: \"long\"\n"+
			"malformed property expiration: not a number: \"soon\"")
	}
}

// drawValue draws a value of any type that an AMQP table may hold, with a taste for odd ones.
func drawValue() *rapid.Generator[any] {
	scalar := rapid.OneOf(
		asAny(rapid.Int8()), asAny(rapid.Int16()), asAny(rapid.Int32()), asAny(rapid.Int64()), asAny(rapid.Int()),
		asAny(rapid.Uint8()), asAny(rapid.Uint16()), asAny(rapid.Uint32()), asAny(rapid.Uint64()),
		asAny(rapid.Float32()), asAny(rapid.Float64()), asAny(rapid.Bool()), asAny(rapid.String()),
		asAny(rapid.StringMatching(`-?[0-9]{1,20}`)),
		rapid.Map(rapid.Int64(), func(n int64) any { return time.Unix(n, 0) }),
		rapid.SampledFrom([]any{nil, math.Inf(1), []byte(nil), "\xff\x00", "2026-11-22T06:00:00+09:00", "9999-12-31T23:59:60Z", int64(1), "1"}),
	)
	return rapid.OneOf(scalar,
		rapid.Map(rapid.SliceOfN(scalar, 0, 12), func(items []any) any { return items }),
		rapid.Map(rapid.MapOfN(rapid.String(), scalar, 0, 2), func(table map[string]any) any { return table }))
}

func asAny[T any](g *rapid.Generator[T]) *rapid.Generator[any] {
	return rapid.Map(g, func(v T) any { return v })
}
