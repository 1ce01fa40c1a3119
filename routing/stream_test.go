package routing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

func TestBuildDeclaresStreams(t *testing.T) {
	t.Parallel()
	topology, err := routing.Build(routing.Spec{Streams: []routing.StreamSpec{
		{Name: "warren.history", MaxAge: 90*time.Minute + time.Millisecond, MaxBytes: 1 << 30, SegmentBytes: 1 << 24},
		{Name: "warren.lease"},
	}}, routing.Broker{})
	require.NoError(t, err)
	declared := map[string]routing.Arguments{}
	for _, q := range topology.Streams {
		assert.Equal(t, routing.RoleStream, q.Role)
		assert.Equal(t, routing.Stream, q.Type)
		declared[q.Name] = q.Arguments
	}
	assert.Equal(t, map[string]routing.Arguments{
		"warren.control": {
			"x-queue-type": "stream", "x-max-length-bytes": int64(8 << 20),
			"x-stream-max-segment-size-bytes": int64(1 << 20),
		},
		"warren.history": {
			"x-queue-type": "stream", "x-max-age": "5401s", "x-max-length-bytes": int64(1 << 30),
			"x-stream-max-segment-size-bytes": int64(1 << 24),
		},
		"warren.lease": {"x-queue-type": "stream"},
	}, declared)
}

func TestValidateStreams(t *testing.T) {
	t.Parallel()
	acme := routing.Names{Prefix: "acme"}
	tests := []struct {
		name    string
		streams []routing.StreamSpec
		want    error
	}{
		{"another prefix", []routing.StreamSpec{{Name: "warren.history"}}, routing.ErrInvalidStream},
		{"no name", []routing.StreamSpec{{}}, routing.ErrInvalidStream},
		{"control", []routing.StreamSpec{{Name: "acme.control"}}, routing.ErrDuplicate},
		{"twice", []routing.StreamSpec{{Name: "acme.history"}, {Name: "acme.history"}}, routing.ErrDuplicate},
		{"age", []routing.StreamSpec{{Name: "acme.history", MaxAge: -1}}, routing.ErrInvalidStream},
		{"bytes", []routing.StreamSpec{{Name: "acme.history", MaxBytes: -1}}, routing.ErrInvalidStream},
		{"segment", []routing.StreamSpec{{Name: "acme.history", SegmentBytes: -1}}, routing.ErrInvalidStream},
	}
	for _, tt := range tests {
		assert.ErrorIs(t, routing.Spec{Names: acme, Streams: tt.streams}.Validate(), tt.want, tt.name)
	}
	assert.NoError(t, routing.Spec{Names: acme, Streams: []routing.StreamSpec{{Name: "acme.history"}}}.Validate())
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{routing.ArgMaxAge, routing.ArgMaxLengthBytes, routing.ArgMaxSegmentBytes} {
		assert.True(t, routing.Retention(argument), argument)
	}
	assert.False(t, routing.Retention(routing.ArgQueueType))
}
