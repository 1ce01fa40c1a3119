package routing

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a RabbitMQ version, as the broker tells it when a connection opens.
type Version struct {
	Major, Minor, Patch int
}

// ParseVersion reads "4.3.6", "3.10.8", "4.3" or "4.0.0-rc.1+2"; what follows the third number is
// ignored. Fewer than two numbers, or anything else in the place of one, is an error.
func ParseVersion(text string) (Version, error) {
	core, _, _ := strings.Cut(text, "-")
	core, _, _ = strings.Cut(core, "+")
	parts := strings.Split(core, ".")
	var numbers [3]int
	if len(parts) < 2 {
		return Version{}, fmt.Errorf("broker version %q: not major.minor", text)
	}
	for i := range min(len(parts), len(numbers)) {
		number, err := strconv.Atoi(parts[i])
		if err != nil || number < 0 {
			return Version{}, fmt.Errorf("broker version %q: %q is not a number", text, parts[i])
		}
		numbers[i] = number
	}
	return Version{Major: numbers[0], Minor: numbers[1], Patch: numbers[2]}, nil
}

// AtLeast reports whether the version is major.minor or later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// String returns the version as "4.3.6".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }
