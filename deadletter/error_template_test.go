package deadletter_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

func TestErrorTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"connection refused": "connection refused",
		" a\tb\n\n  c ":      "a b c",
		"dial tcp 10.0.0.1:5432: connect: connection refused":             "dial tcp <addr>: connect: connection refused",
		"read tcp 127.0.0.1:51234->127.0.0.1:5672: i/o timeout":           "read tcp <addr>-><addr>: i/o timeout",
		"dial tcp [::1]:587: refused by [fe80::1], 2001:db8::7: or ::":    "dial tcp <addr>: refused by <addr>, <addr>: or ::",
		"dial tcp: lookup smtp.example.com: no such host":                 "dial tcp: lookup smtp.example.com: no such host",
		"smtp.example.com:587: refused":                                   "smtp.example.com:<n>: refused",
		"no user 7":                                                       "no user <n>",
		"no user_17 in order-12345":                                       "no user_<n> in order-<n>",
		"user eve@example.com unknown":                                    "user <addr> unknown",
		"took 1.5s of 30m, 200ms, 1m30s; 99.5 %, v1.2.3":                  "took <time> of <time>, <time>, <time>; <n> %, v1.<n>",
		"exit status 75: no such user: eve":                               "exit status 75: no such user: eve",
		"exit status 75: 3 of 4 failed":                                   "exit status 75: <n> of <n> failed",
		"status code: 503 (line 503)":                                     "status code: 503 (line <n>)",
		"503 Service Unavailable: try again in 30 s":                      "503 Service Unavailable: try again in <n> s",
		"Error 1062 (23000): Duplicate entry '7-x' for key 'users.email'": "Error 1062 (<n>): Duplicate entry '…' for key '…'",
		"ERROR: error 1234567":                                            "ERROR: error <n>",
		"order 01a20294-28ba-7eb6-aa3f-826f8415d164 is gone":              "order <uuid> is gone",
		"object 0xc000123abc at 0XFF, commit d7f8ad7, sha256 of deadbeef": "object <hex> at <hex>, commit <hex>, sha256 of deadbeef",
		"request req7Kx2Lp9 of 01HZX3K4M5N6P7Q8R9S0T1V2W3":                "request <id> of <id>",
		"x509: certificate has expired: current time 2026-11-22T06:00:01Z is after 2026-11-21T00:00:00+09:00": "x509: certificate has expired: current time <time> is after <time>",
		"2026/11/22 06:00:01.123 panic at 06:00:01":                                                           "<time> panic at <time>",
		"on 2026-11-22, at 06:00":                                "on <time>, at <n>:<n>",
		`json: unknown field "naem"`:                             `json: unknown field "…"`,
		`a "quoted \" text", a "", and "one that does not end 7`: `a "…", a "…", and "one that does not end <n>`,
		"can't open 'it's here', don't":                          "can't open '…', don't",
		"`id` is 'a\\'":                                          "`…` is 'a\\'",
		"über 7 Größen: ≤ 5":                                     "über <n> Größen: ≤ <n>",
		"utf8 and utf-8":                                         "utf8 and utf-<n>",
		"sealed:AWx_-9aBcd":                                      "sealed:…",
		"exit status 1: sealed:AWx_-9aBcd end":                   "exit status 1: sealed:… end",
		"std::string::npos a:b ::1":                              "std::string::npos a:b <addr>",
		"\xff\x00":                                               "\uFFFD",
	} {
		assert.Equal(t, want, deadletter.ErrorTemplate(text), text)
	}
}

// Errors that differ in their variable parts alone have one template.
func TestErrorTemplateOfOneKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := func() string {
			var b strings.Builder
			b.WriteString("user ")
			b.WriteString(rapid.StringMatching(`[1-9]\d{0,9}`).Draw(t, "number"))
			b.WriteString(" of ")
			b.WriteString(rapid.StringMatching(`[a-z][a-z0-9]{0,9}@[a-z]{1,9}\.com`).Draw(t, "mail"))
			b.WriteString(" at ")
			b.WriteString(rapid.StringMatching(`\d{1,3}(\.\d{1,3}){3}(:[1-9]\d{1,4})?`).Draw(t, "address"))
			b.WriteString(": request ")
			b.WriteString(rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}`).Draw(t, "uuid"))
			b.WriteString(`: "`)
			b.WriteString(rapid.StringMatching(`[^"\\]{0,20}`).Draw(t, "quoted"))
			b.WriteString(`" is late`)
			return b.String()
		}
		require.Equal(t, `user <n> of <addr> at <addr>: request <uuid>: "…" is late`, deadletter.ErrorTemplate(drawn()))
	})
}

func FuzzErrorTemplate(f *testing.F) {
	f.Add(`dial tcp [::1]:587: "x' 0x7f 2026-11-22T06:00:01Z a@b.c sealed:x `)
	f.Add(strings.Repeat("a@", 1024))
	f.Add(strings.Repeat("'", 2048))
	f.Add(strings.Repeat("1.", 1024))
	f.Add(strings.Repeat(":", 2048))
	f.Fuzz(func(t *testing.T, text string) {
		got := deadletter.ErrorTemplate(text)
		require.LessOrEqual(t, len(got), deadletter.MaxTemplateBytes)
		require.True(t, utf8.ValidString(got))
		require.Equal(t, got, deadletter.ErrorTemplate(text))
	})
}

// The longest error, and the most awkward, is a matter of microseconds.
func BenchmarkErrorTemplate(b *testing.B) {
	for name, text := range map[string]string{
		"usual":  "dial tcp 10.0.0.1:5432: connect: connection refused, user 17 of 01a20294-28ba-7eb6-aa3f-826f8415d164",
		"quotes": strings.Repeat(`"'`+"`", tasks.MaxErrorBytes/3),
		"ats":    strings.Repeat("a@", tasks.MaxErrorBytes/2),
		"colons": strings.Repeat(":a", tasks.MaxErrorBytes/2),
		"dots":   strings.Repeat("1.", tasks.MaxErrorBytes/2),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				deadletter.ErrorTemplate(text)
			}
		})
	}
}
