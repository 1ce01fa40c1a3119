package routing

import (
	"fmt"
	"maps"
	"slices"
)

// Arguments are the arguments of a queue: strings and int64.
type Arguments map[string]any

// Difference is an argument that a queue has otherwise than is wanted, as text: see [ArgumentText].
type Difference struct {
	Argument string
	Want     string
	Have     string
}

// String returns "argument: want X, have Y".
func (d Difference) String() string {
	return fmt.Sprintf("%s: want %s, have %s", d.Argument, d.Want, d.Have)
}

// Differences returns the arguments in which those of a queue differ from what is wanted, sorted by their
// names. Numbers of different Go types are the same where their texts are.
func (a Arguments) Differences(has map[string]any) []Difference {
	both := map[string]any{}
	maps.Copy(both, a)
	maps.Copy(both, has)
	var differences []Difference
	for _, name := range slices.Sorted(maps.Keys(both)) {
		d := Difference{Argument: name, Want: ArgumentText(a[name]), Have: ArgumentText(has[name])}
		if d.Want != d.Have {
			differences = append(differences, d)
		}
	}
	return differences
}

// ArgumentText is the value of an argument as text: "none" for nil.
func ArgumentText(value any) string {
	if value == nil {
		return "none"
	}
	return fmt.Sprint(value)
}
