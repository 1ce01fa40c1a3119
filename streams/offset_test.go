package streams_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/warrenmq/warren/streams"
)

func TestOffset(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 6, 0, 1, 999, time.UTC)
	tests := []struct {
		offset streams.Offset
		value  any
		text   string
	}{
		{streams.Offset{}, "first", "first"},
		{streams.First(), "first", "first"},
		{streams.Next(), "next", "next"},
		{streams.Last(), "last", "last"},
		{streams.At(0), int64(0), "0"},
		{streams.At(7), int64(7), "7"},
		{streams.Since(at), at.Truncate(time.Second), "2026-11-22 06:00:01 +0000 UTC"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.value, tt.offset.Value())
		assert.Equal(t, tt.text, tt.offset.String())
	}
}

func TestOffsetBefore(t *testing.T) {
	t.Parallel()
	assert.True(t, streams.At(7).Before(6))
	assert.False(t, streams.At(7).Before(7))
	assert.False(t, streams.At(0).Before(0))
	for _, o := range []streams.Offset{{}, streams.First(), streams.Next(), streams.Last(), streams.Since(time.Now())} {
		assert.False(t, o.Before(0), "%v", o)
	}
}
