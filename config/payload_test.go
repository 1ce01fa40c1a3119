package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPayload(t *testing.T) {
	for text, want := range map[string]string{
		"{kind: full, a: 1}":                `{"kind":"full","a":1}`,
		"{}":                                "{}",
		"[]":                                "[]",
		"[1, [2, {}], {a: []}]":             `[1,[2,{}],{"a":[]}]`,
		"text":                              `"text"`,
		"'7'":                               `"7"`,
		"7":                                 "7",
		"0x1F":                              "31",
		"18446744073709551615":              "18446744073709551615",
		"-2.50":                             "-2.5",
		"1e3":                               "1000",
		"true":                              "true",
		"yes":                               `"yes"`,
		"~":                                 "null",
		"":                                  "null",
		"2026-11-22":                        `"2026-11-22"`,
		"2026-11-22T06:00:00Z":              `"2026-11-22T06:00:00Z"`,
		`"<a href=\"x\">é\u0001&\n"`:        `"<a href=\"x\">é\u0001&\n"`,
		"{1: a, true: b, 2026-01-01: c}":    `{"1":"a","true":"b","2026-01-01":"c"}`,
		"{a: &x [1], b: *x}":                `{"a":[1],"b":[1]}`,
		"!!float 1":                         "1",
		"!!str 1":                           `"1"`,
		"[<<]":                              `["<<"]`,
		"|\n      two\n      lines\n":       `"two\nlines\n"`,
		"{a: null, b: , c: \"\", d: 'x y'}": `{"a":null,"b":null,"c":"","d":"x y"}`,
	} {
		c := mustParse(t, "schedules:\n  s:\n    cron: '@daily'\n    key: k\n    payload: "+text+"\n")
		assert.Equal(t, want, string(c.Schedules[0].Payload), text)
	}
}
