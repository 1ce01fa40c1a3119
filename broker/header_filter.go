package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// headerFilter reads a broker's frames before the library does. They pass byte for byte, but for
// content headers that the library could not read and would give up the connection over: of these
// the table of headers is replaced by one with a mark that says why, and the other properties are
// kept, as far as they can be read. It holds at most one frame of frame_max bytes.
type headerFilter struct {
	in       *bufio.Reader
	maxFrame atomic.Int64 // frame_max as negotiated
	frame    []byte       // the frame that was read last, as far as it is not passed
	out      []byte       // what is to be given next
	pass     int64        // how much of the current frame follows out as it is
	err      error        // what follows that
}

const (
	// defaultFrameMax is what the library proposes.
	defaultFrameMax = 131072

	frameHead     = 7 // type, channel, size
	frameEnvelope = frameHead + 1
	frameEnd      = 0xCE // the last byte of a frame
	typeHeader    = 2    // the type of a content header's frame
)

func newHeaderFilter(in io.Reader) *headerFilter {
	f := &headerFilter{in: bufio.NewReaderSize(in, 16<<10)}
	f.maxFrame.Store(defaultFrameMax)
	return f
}

// Read gives what the library is to read.
func (f *headerFilter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(f.out) == 0 && f.pass == 0 {
		if f.err != nil {
			return 0, f.err
		}
		f.next()
	}
	if len(f.out) > 0 {
		n := copy(p, f.out)
		f.out = f.out[n:]
		return n, nil
	}
	n, err := f.in.Read(p[:min(int64(len(p)), f.pass)])
	f.pass -= int64(n)
	return n, err
}

// next reads the head of a frame, and of a content header the rest.
func (f *headerFilter) next() {
	f.frame = f.frame[:0]
	if !f.read(frameHead) {
		return
	}
	size := int64(binary.BigEndian.Uint32(f.frame[3:]))
	longest := f.maxFrame.Load() - frameEnvelope
	switch {
	case f.frame[0] != typeHeader:
		f.pass = size + 1
	case size > longest:
		f.shorten(size, fmt.Errorf("their frame is %d bytes long, over the maximum of %d", size+frameEnvelope, longest+frameEnvelope))
	default:
		if !f.read(int(size)+1) || f.frame[len(f.frame)-1] != frameEnd {
			return // what comes of it is for the library to say
		}
		payload := f.frame[frameHead : len(f.frame)-1]
		if why := checkContentHeader(payload); why != nil {
			f.out = markedHeader(f.frame[:3], payload, why)
		}
	}
}

// read reads exactly n bytes more of a frame, and has all of it given. It is false where the stream
// ends before; what there was of it is given all the same.
func (f *headerFilter) read(n int) bool {
	have := len(f.frame)
	f.frame = append(f.frame, make([]byte, n)...)
	read, err := io.ReadFull(f.in, f.frame[have:])
	f.frame = f.frame[:have+read]
	f.out = f.frame
	return f.check(err)
}

// check has an error follow what is given next.
func (f *headerFilter) check(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF // as the library would see it
	}
	f.err = err
	return err == nil
}

// shorten reads the rest of a content header whose frame is too long, and gives it with the mark. It
// skips the table of headers; without that no content header is longer than frame_max.
func (f *headerFilter) shorten(size int64, why error) {
	const start = contentHead + maxBefore + 4 // up to the table at the longest; frame_max is more
	if !f.read(start) {
		return
	}
	payload := f.frame[frameHead:]
	end := int64(start) // of what has been dealt with
	if table := headersAt(payload); table > 0 {
		length := payload[table-4 : table]
		end = min(int64(table)+int64(binary.BigEndian.Uint32(length)), size)
		clear(length)
		f.frame = append(f.frame[:frameHead+table], payload[min(end, start):]...)
		end = max(end, start)
	}
	after := min(size-end, maxAfter)
	if !f.skip(end-start) || !f.read(int(after)) || !f.skip(size-end-after) || !f.read(1) {
		return
	}
	last := len(f.frame) - 1
	f.out = markedHeader(f.frame[:3], f.frame[frameHead:last], why)
	f.out[len(f.out)-1] = f.frame[last] // where it does not end the frame, the library is to find out
}

// skip reads n bytes and forgets them. It is false where the stream ends before.
func (f *headerFilter) skip(n int64) bool {
	_, err := io.CopyN(io.Discard, f.in, n)
	return f.check(err)
}
