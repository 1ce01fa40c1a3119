package routing_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/routing"
)

func TestParseVersion(t *testing.T) {
	t.Parallel()
	valid := map[string]routing.Version{
		"4.3.6":              {Major: 4, Minor: 3, Patch: 6},
		"3.10.8":             {Major: 3, Minor: 10, Patch: 8},
		"4.3":                {Major: 4, Minor: 3},
		"0.0.0":              {},
		"4.0.0-rc.1+2":       {Major: 4},
		"4.2.1-beta.3":       {Major: 4, Minor: 2, Patch: 1},
		"4.3.0+12.gdeadbeef": {Major: 4, Minor: 3},
		"3.12.14.1":          {Major: 3, Minor: 12, Patch: 14},
	}
	for text, want := range valid {
		got, err := routing.ParseVersion(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "4", "4.", ".3", "four.three", "4.x", "4.3.", "4.3.x", "-4.3", "4.-3", " 4.3", "99999999999999999999.1"} {
		_, err := routing.ParseVersion(text)
		assert.ErrorContains(t, err, "broker version", "%q", text)
	}
}

func TestVersionAtLeast(t *testing.T) {
	t.Parallel()
	v := routing.Version{Major: 4, Minor: 2, Patch: 9}
	for _, at := range [][2]int{{4, 2}, {4, 1}, {4, 0}, {3, 13}, {3, 0}, {0, 0}} {
		assert.True(t, v.AtLeast(at[0], at[1]), "%v", at)
	}
	for _, at := range [][2]int{{4, 3}, {5, 0}, {5, 2}} {
		assert.False(t, v.AtLeast(at[0], at[1]), "%v", at)
	}
	assert.Equal(t, "4.2.9", v.String())
}
