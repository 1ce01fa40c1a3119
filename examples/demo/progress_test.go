package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgressLines(t *testing.T) {
	var out strings.Builder
	p := &progressLines{out: &out, total: 3, every: time.Hour}
	p.show(0, 1)
	p.show(1, 2) // too soon for another line
	p.show(2, 3)
	p.close()
	assert.Equal(t, "published 1 of 3, accounted for 0\npublished 3 of 3, accounted for 2\n", out.String())
}

func TestProgressLinesDoNotRepeatThemselves(t *testing.T) {
	var out strings.Builder
	p := &progressLines{out: &out, total: 3}
	p.show(3, 3)
	p.show(3, 3)
	p.close()
	assert.Equal(t, "published 3 of 3, accounted for 3\n", out.String())
}
