package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	(&table{
		header: []string{"kind", "queue", "done"},
		rows:   [][]string{{"größer", "a", "1"}, {"b", "longer", "12345"}},
		footer: []string{"all", "", "12346"},
		texts:  2,
	}).write(&out)
	assert.Equal(t, `
kind    queue    done
---------------------
größer  a           1
b       longer  12345
---------------------
all             12346
`, "\n"+out.String())
}

func TestTableWithoutRows(t *testing.T) {
	var out strings.Builder
	(&table{header: []string{"kind", "done"}, footer: []string{"all", "0"}, texts: 1}).write(&out)
	assert.Equal(t, "kind  done\n----------\nall      0\n", out.String())
}
