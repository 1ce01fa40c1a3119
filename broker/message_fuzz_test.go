package broker

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// Whatever a foreign producer puts into a message's headers and the library reads: it can be published again, and is
// the same when it comes back, or is refused with an error that names the header.
func FuzzMessage(f *testing.F) {
	for _, fields := range [][]byte{
		nil, entry("a", field('S', long([]byte("text")))), entry("a", field('x', long([]byte{0xFF}))), entry("a", field('t', []byte{1})),
		entry("warren-attempt", field('I', []byte{0, 0, 0, 7})), entry("warren-attempt", field('b', []byte{0xFF})), entry("a", field('B', []byte{0xFF})),
		entry("a", field('l', bytes.Repeat([]byte{0xFF}, 8))), entry("a", field('s', []byte{0xFF, 0xFE})), entry("a", field('u', []byte{1, 2})), entry("a", field('i', []byte{1, 2, 3, 4})),
		entry("a", field('T', bytes.Repeat([]byte{0xFF}, 8))), entry("a", field('D', []byte{2, 0, 0, 0, 9})),
		entry("a", field('f', []byte{0x7F, 0xC0, 0, 0})), entry("a", field('d', []byte{0x7F, 0xF0, 0, 0, 0, 0, 0, 0})), entry("a", field('d', []byte{0x40, 0, 0, 0, 0, 0, 0, 0})),
		entry("x-death", nested(5)), entry("a", nested(32)), append(entry("a", field('V', nil)), entry("a", field('t', []byte{0}))...), entry("", field('V', nil)),
	} {
		f.Add(fields)
	}
	f.Fuzz(func(t *testing.T, fields []byte) {
		if len(fields) > 64<<10 {
			return // more than a frame
		}
		d, read := libraryReads(t, contentOf(flagHeaders, long(fields)), true)
		if !read || d.Headers == nil {
			return
		}
		m := fromDelivery(&d)
		p, err := toPublishing(&m)
		if err != nil {
			require.ErrorIs(t, err, tasks.ErrInvalidTask)
			require.ErrorContains(t, err, "header ")
			require.True(t, hasNoNumber(m.Headers), "%v", err)
			return
		}
		back := amqp.Delivery{Headers: p.Headers}
		require.NoError(t, p.Headers.Validate())
		require.Equal(t, written(m.Headers), written(fromDelivery(&back).Headers))
	})
}

// written is headers with their types. A list without items is one, whether it was made or not.
func written(headers map[string]any) string {
	return strings.ReplaceAll(fmt.Sprintf("%#v", headers), "[]interface {}(nil)", "[]interface {}{}")
}

// hasNoNumber reports whether there is a float somewhere that is no number.
func hasNoNumber(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, item := range v {
			if hasNoNumber(item) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if hasNoNumber(item) {
				return true
			}
		}
	case float32:
		return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
	case float64:
		return math.IsNaN(v) || math.IsInf(v, 0)
	}
	return false
}
