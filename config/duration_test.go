package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30s": 30 * time.Second, "1m30s": 90 * time.Second, "-5m": -5 * time.Minute,
		"0d": 0, "7d": 7 * day, "1d12h": 36 * time.Hour, "1d0.5h": day + 30*time.Minute,
		"106751d23h47m16.854775807s": 1<<63 - 1,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "60", "d", "1.5d", "-1d", "1d-2h", "1d+2h", "1dx", "1h1d", "7 d", "7days"} {
		_, err := ParseDuration(text)
		assert.ErrorContains(t, err, "is not a duration, such as 30s, 5m or 7d", text)
	}
	for _, text := range []string{"106752d", "106751d23h47m16.854775808s", "4294967295d"} {
		_, err := ParseDuration(text)
		assert.ErrorContains(t, err, "is too long a duration", text)
	}
}
