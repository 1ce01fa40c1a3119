package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

// filtered returns what the filter makes of a stream.
func filtered(t require.TestingT, in io.Reader) []byte {
	out, err := io.ReadAll(newHeaderFilter(in))
	require.NoError(t, err)
	return out
}

// TestFilterAgreesWithTheLibrary goes along the bounds of the library's reader: on this side the
// filter passes a header as it is, beyond it the library could not read it.
func TestFilterAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	headers := func(entries ...[]byte) []byte {
		return contentOf(flagHeaders|0x0080, long(bytes.Join(entries, nil)), short("id"))
	}
	entries := func(n int) []byte {
		var table []byte
		for i := range n {
			table = append(table, entry(string(binary.BigEndian.AppendUint16(nil, uint16(i))), field('V', nil))...)
		}
		return table
	}
	var kinds []byte
	for kind, size := range map[byte]int{
		't': 1, 'b': 1, 'B': 1, 's': 2, 'u': 2, 'I': 4, 'i': 4, 'f': 4, 'D': 5, 'l': 8, 'd': 8, 'T': 8, 'V': 0,
	} {
		kinds = append(kinds, entry(string(kind), field(kind, make([]byte, size)))...)
	}
	kinds = append(kinds, entry("S", field('S', long([]byte("text"))))...)
	kinds = append(kinds, entry("x", field('x', long([]byte{0, 1})))...)
	longest := defaultFrameMax - frameEnvelope
	for name, c := range map[string]struct {
		header   []byte
		readable bool
		why      string
	}{
		"no properties":    {contentOf(0), true, ""},
		"empty table":      {headers(), true, ""},
		"every type":       {headers(kinds), true, ""},
		"32 deep":          {headers(entry("a", nested(32))), true, ""},
		"33 deep":          {headers(entry("a", nested(33))), false, "nested deeper than 32"},
		"8192 elements":    {headers(entry("a", field('A', long(bytes.Repeat(field('V', nil), 8192))))), true, ""},
		"8193 elements":    {headers(entry("a", field('A', long(bytes.Repeat(field('V', nil), 8193))))), false, "more than 8192 elements"},
		"8192 entries":     {headers(entries(8192)), true, ""},
		"8193 entries":     {headers(entries(8193)), false, "more than 8192 elements"},
		"8193 inside":      {headers(entry("a", field('F', long(entries(8193))))), false, "more than 8192 elements"},
		"longest frame":    {headers(entry("a", field('S', long(make([]byte, longest-contentHead-4-3-4-3))))), true, ""},
		"too long a frame": {headers(entry("a", field('S', long(make([]byte, longest-contentHead-4-3-4-2))))), false, "131073 bytes long, over the maximum of 131072"},
		"unknown type":     {headers(entry("a", field('?', nil))), false, "unknown type '?'"},
		"cut in a value":   {headers(entry("a", field('l', make([]byte, 7)))), false, "malformed"},
		"cut in a name":    {headers([]byte{9, 'a'}), false, "malformed"},
		"no value":         {headers([]byte{1, 'a'}), false, "malformed"},
		"cut in a table":   {contentOf(flagHeaders, []byte{0, 0, 0, 9, 1}), false, "properties are malformed"},
		"cut behind it":    {contentOf(flagHeaders|0x0080, long(nil), []byte{9, 'i'}), false, "properties are malformed"},
		"cut before it":    {contentOf(0x8000|flagHeaders, []byte{9, 'i'}), false, "properties are malformed"},
		"padding":          {contentOf(0x0080, short("id"), make([]byte, 99)), true, ""},
	} {
		_, readable := libraryReads(t, c.header, false)
		assert.Equal(t, c.readable, readable, "%s: the library has changed", name)
		out := filtered(t, bytes.NewReader(frameOf(typeHeader, 1, c.header)))
		assert.Equal(t, c.readable, bytes.Equal(out, frameOf(typeHeader, 1, c.header)), name)
		d, read := libraryReads(t, c.header, true)
		require.True(t, read, name)
		m, unreadable := received(&d)
		if c.readable {
			assert.NoError(t, unreadable, name)
			continue
		}
		assert.ErrorIs(t, unreadable, ErrUnreadable, name)
		assert.ErrorContains(t, unreadable, c.why, name)
		assert.Empty(t, m.Headers, name)
		if !strings.HasPrefix(name, "cut in a table") && !strings.HasPrefix(name, "cut be") {
			assert.Equal(t, "id", m.MessageID, name)
		}
	}
}

// Everything but the headers is kept, also of a frame that is too long.
func TestFilterKeepsProperties(t *testing.T) {
	t.Parallel()
	for name, value := range map[string][]byte{
		"deep": nested(36), "long": field('S', long(make([]byte, 300_000))), "longer than a little": field('S', long(make([]byte, defaultFrameMax))),
	} {
		header := contentOf(0xFFFC,
			short("type/json"), short("gzip"), long(entry("a", value)), []byte{2}, []byte{7},
			short("corr"), short("reply"), short("60000"), short("id"), binary.BigEndian.AppendUint64(nil, 1_700_000_000),
			short("kind"), short("guest"), short("app"), short("cluster"))
		d, ok := libraryReads(t, header, true)
		require.True(t, ok, name)
		require.Len(t, d.Headers, 1, name)
		m, unreadable := received(&d)
		require.ErrorIs(t, unreadable, ErrUnreadable, name)
		assert.NotContains(t, unreadable.Error(), unreadableMark)
		plain, ok := libraryReads(t, contentOf(0xDFFC,
			short("type/json"), short("gzip"), []byte{2}, []byte{7},
			short("corr"), short("reply"), short("60000"), short("id"), binary.BigEndian.AppendUint64(nil, 1_700_000_000),
			short("kind"), short("guest"), short("app"), short("cluster")), false)
		require.True(t, ok)
		assert.Equal(t, fromDelivery(&plain), m, name)
		assert.Equal(t, map[string]any{"warren-error": unreadable.Error()}, tasks.NewLetter(m, unreadable, nil).Shown().Headers, "only looked at")
	}
}

// drawValue is a well-formed value with its type.
func drawValue(t *rapid.T, depth int) []byte {
	kinds := []byte("tbBsuIifDldTVSx")
	if depth > 0 {
		kinds = append(kinds, "AAFF"...)
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "type")
	switch kind {
	case 'S', 'x':
		return field(kind, long(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value")))
	case 'A':
		var list []byte
		for range rapid.IntRange(0, 4).Draw(t, "elements") {
			list = append(list, drawValue(t, depth-1)...)
		}
		return field(kind, long(list))
	case 'F':
		return field(kind, long(drawTable(t, depth-1)))
	}
	size := map[byte]int{'t': 1, 'b': 1, 'B': 1, 's': 2, 'u': 2, 'V': 0, 'I': 4, 'i': 4, 'f': 4, 'D': 5}
	n, ok := size[kind]
	if !ok {
		n = 8
	}
	return field(kind, rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "value"))
}

// drawTable is the inside of a well-formed table, which may be too deep or too large.
func drawTable(t *rapid.T, depth int) []byte {
	var table []byte
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		value := drawValue(t, depth)
		switch rapid.IntRange(0, 20).Draw(t, "extreme") {
		case 0:
			value = nested(rapid.IntRange(29, 36).Draw(t, "depth"))
		case 1:
			value = field('A', long(bytes.Repeat(field('V', nil), rapid.IntRange(8190, 8195).Draw(t, "elements"))))
		}
		table = append(table, entry(rapid.StringN(0, 10, 40).Draw(t, "name"), value)...)
	}
	return table
}

// drawHeader is a well-formed content header.
func drawHeader(t *rapid.T) []byte {
	flags := rapid.Uint16().Draw(t, "flags") &^ 3
	var values [][]byte
	for _, p := range properties {
		switch {
		case flags&p.flag == 0:
		case p.size == shortString:
			values = append(values, short(rapid.StringN(0, 20, 80).Draw(t, "property")))
		case p.size == fieldTable:
			values = append(values, long(drawTable(t, 3)))
		default:
			values = append(values, rapid.SliceOfN(rapid.Byte(), p.size, p.size).Draw(t, "property"))
		}
	}
	return contentOf(flags, values...)
}

func TestLibraryReadsWhatTheFilterPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		header := drawHeader(t)
		if rapid.Bool().Draw(t, "well-formed") {
			_, readable := libraryReads(t, header, false)
			out := filtered(t, bytes.NewReader(frameOf(typeHeader, 1, header)))
			require.Equal(t, readable, bytes.Equal(out, frameOf(typeHeader, 1, header)), "exactly what the library reads is passed")
		} else {
			for range rapid.IntRange(1, 5).Draw(t, "mutations") {
				if len(header) > contentHead {
					header[rapid.IntRange(contentHead-2, len(header)-1).Draw(t, "where")] = rapid.Byte().Draw(t, "byte")
				}
			}
			header = header[:rapid.IntRange(contentHead, len(header)).Draw(t, "length")]
		}
		_, read := libraryReads(t, header, true)
		require.True(t, read)
	})
}

// passes says whether a stream holds no header that the filter is to replace.
func passes(stream []byte) bool {
	for len(stream) >= frameHead {
		size := int(binary.BigEndian.Uint32(stream[3:]))
		if stream[0] == typeHeader {
			if size > defaultFrameMax-frameEnvelope {
				return false
			}
			if len(stream) >= size+frameEnvelope && stream[frameHead+size] == frameEnd && checkContentHeader(stream[frameHead:frameHead+size]) != nil {
				return false
			}
		}
		stream = stream[min(len(stream), size+frameEnvelope):]
	}
	return true
}

func FuzzHeaderFilter(f *testing.F) {
	f.Add([]byte("AMQP\x00\x00\x09\x01"), uint16(3))
	f.Add(deliverOf(1, contentOf(0x2080, long(entry("a", nested(3))), short("id"))), uint16(1))
	f.Add(deliverOf(1, contentOf(0x2080, long(entry("a", nested(36))), short("id"))), uint16(5))
	f.Add(deliverOf(1, contentOf(0xFFFC, bytes.Repeat([]byte{0}, 300_000))), uint16(100))
	f.Add(frameOf(typeHeader, 1, []byte{1, 2}), uint16(0))
	f.Fuzz(func(t *testing.T, stream []byte, chunk uint16) {
		want := filtered(t, bytes.NewReader(stream))
		if passes(stream) && !bytes.Equal(stream, want) {
			t.Fatal("changed")
		}
		for _, in := range []io.Reader{
			iotest.OneByteReader(bytes.NewReader(stream)), iotest.HalfReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream)),
		} {
			if got := filtered(t, in); !bytes.Equal(want, got) {
				t.Fatal("depends on how the stream arrives")
			}
		}
		var got []byte
		filter, p := newHeaderFilter(bytes.NewReader(stream)), make([]byte, int(chunk)+1)
		for {
			n, err := filter.Read(p)
			if got = append(got, p[:n]...); err != nil {
				break
			}
		}
		if !bytes.Equal(want, got) {
			t.Fatal("depends on how it is read")
		}
	})
}

func TestFilterHoldsNoMoreThanAFrame(t *testing.T) {
	t.Parallel()
	const size = 256 << 20
	start := binary.BigEndian.AppendUint32([]byte{typeHeader, 0, 1}, size)
	header := contentOf(flagHeaders|0x0080, binary.BigEndian.AppendUint32(nil, size-contentHead-4-3))
	in := io.MultiReader(bytes.NewReader(start), bytes.NewReader(header),
		io.LimitReader(zeros{}, size-contentHead-4-3), bytes.NewReader(append(short("id"), frameEnd)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out := filtered(t, in)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "other tests allocate too")
	assert.Less(t, len(out), 300)
	assert.Contains(t, string(out), "\x02id")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestFilterPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	whole := deliverOf(1, contentOf(flagHeaders, long(entry("a", nested(36)))))
	for n := range whole {
		filter := newHeaderFilter(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken)))
		got, err := io.ReadAll(filter)
		require.ErrorIs(t, err, broken)
		require.Equal(t, whole[:n], got, "what there was of the frame")
	}
}

func BenchmarkHeaderFilter(b *testing.B) {
	message := append(deliverOf(1, contentOf(0x3080, long(entry("warren-attempt", field('I', make([]byte, 4)))), []byte{2}, short("0190aabb"))),
		frameOf(3, 1, make([]byte, 256))...)
	filter := newHeaderFilter(loop{message, new(int)})
	p := make([]byte, 4096)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		_, _ = io.ReadFull(filter, p[:len(message)])
	}
}

// loop is a message that comes again and again.
type loop struct {
	message []byte
	at      *int
}

func (l loop) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], l.message[*l.at:])
		*l.at = (*l.at + c) % len(l.message)
		n += c
	}
	return n, nil
}
