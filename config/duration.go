package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads a duration as Go writes it, such as 1m30s, with whole days of 24 hours in
// front where wanted, such as 7d or 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, notDuration(text)
		}
		return d, nil
	}
	n, err := strconv.ParseUint(days, 10, 32)
	if err != nil {
		return 0, notDuration(text)
	}
	var d time.Duration
	if rest != "" {
		if d, err = time.ParseDuration(rest); err != nil || d < 0 || rest[0] == '+' {
			return 0, notDuration(text)
		}
	}
	if n > uint64((math.MaxInt64-d)/day) {
		return 0, fmt.Errorf("%.40q is too long a duration", text)
	}
	return time.Duration(n)*day + d, nil
}

func notDuration(text string) error {
	return fmt.Errorf("%.40q is not a duration, such as 30s, 5m or 7d", text)
}
