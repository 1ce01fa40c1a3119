package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for want, ago := range map[string]time.Duration{
		"0s ago": -time.Hour, "59s ago": 59 * time.Second, "1m ago": time.Minute, "59m ago": time.Hour - 1,
		"47h ago": 48*time.Hour - 1, "2d ago": 48 * time.Hour, "400d ago": 400 * 24 * time.Hour,
	} {
		assert.Equal(t, want, age(now, now.Add(-ago)))
	}
	assert.Equal(t, "-", age(now, time.Time{}))
}
