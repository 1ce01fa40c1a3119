package main

import "strings"

// sparks are the heights of a spark line's cells.
var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkLine draws numbers in a cell each, the highest of them at the full height. What is 0 is a space, so
// that little and nothing differ.
func sparkLine(numbers []int) string {
	highest := 0
	for _, n := range numbers {
		highest = max(highest, n)
	}
	var line strings.Builder
	for _, n := range numbers {
		if n <= 0 {
			line.WriteByte(' ')
			continue
		}
		line.WriteRune(sparks[(n*len(sparks)-1)/highest])
	}
	return line.String()
}
