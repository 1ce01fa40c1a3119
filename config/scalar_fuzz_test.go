package config

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What stands in a value is expanded, or is a duration, as a plain second implementation says.
func FuzzScalar(f *testing.F) {
	for _, text := range []string{
		"", "plain", "$", "$$", "${A}", "$${A}", "$$${A}", "a${A}b${B:-c}d", "${UNSET:-a:-b $ { c}", "${", "${}", "${A", "${1}", "${A:b}", "${ A }", "${A}${",
		"30s", "7d", "1d12h", "-5m", "1.5d", "-1d", "1d-2h", "106751d23h47m16.854775807s", "106751d23h47m16.854775808s", "4294967296d", "0x1d", "1_0d", "1d1d", "+1d", "1dµs",
	} {
		f.Add(text, "rabbit")
	}
	f.Add("${A}", "${A}$${B}")
	f.Add("${A:-x}", "")
	f.Fuzz(func(t *testing.T, text, held string) {
		getenv := env(map[string]string{"A": held, "B": ""})
		got, err := expand(text, getenv)
		want, ok := referenceExpand(text, getenv)
		require.Equal(t, ok, err == nil, "%v", err)
		require.Equal(t, want, got)

		d, err := ParseDuration(text)
		long, ok := referenceDuration(text)
		require.Equal(t, ok, err == nil, "%v", err)
		require.Equal(t, long, d)
	})
}

// referenceExpand reads byte for byte.
func referenceExpand(text string, getenv func(string) (string, bool)) (string, bool) {
	var out strings.Builder
	for text != "" {
		switch {
		case strings.HasPrefix(text, "$${"):
			out.WriteString("${")
			text = text[3:]
		case strings.HasPrefix(text, "${"):
			inner, rest, closed := strings.Cut(text[2:], "}")
			name, otherwise, hasDefault := strings.Cut(inner, ":-")
			value, set := getenv(name)
			if !closed || !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) || !set && !hasDefault {
				return "", false
			}
			if value == "" {
				value = otherwise
			}
			out.WriteString(value)
			text = rest
		default:
			out.WriteByte(text[0])
			text = text[1:]
		}
	}
	return out.String(), true
}

var daysForm = regexp.MustCompile(`^([0-9]+)d([^+-].*)?$`)

// referenceDuration counts days and the rest without a bound, and then looks at it.
func referenceDuration(text string) (time.Duration, bool) {
	parts := daysForm.FindStringSubmatch(text)
	if parts == nil {
		d, err := time.ParseDuration(text)
		if err != nil {
			return 0, false
		}
		return d, true
	}
	total, _ := new(big.Int).SetString(parts[1], 10)
	total.Mul(total, big.NewInt(int64(24*time.Hour)))
	if parts[2] != "" {
		rest, err := time.ParseDuration(parts[2])
		if err != nil {
			return 0, false
		}
		total.Add(total, big.NewInt(int64(rest)))
	}
	if total.Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0, false
	}
	return time.Duration(total.Int64()), true
}
