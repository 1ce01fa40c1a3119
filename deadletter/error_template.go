package deadletter

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// MaxTemplateBytes bounds the text of a template.
const MaxTemplateBytes = 1024

// ErrorTemplate returns what errors of one kind have in common: the text without what differs from
// one to the next. In it stand
//
//	<n>     for a number
//	<hex>   for a hexadecimal number with letters
//	<uuid>  for a UUID
//	<id>    for what changes between letters and digits as no word does
//	<addr>  for an IP address, with its port, or an e-mail address
//	<time>  for a date, a time of day, or a time such as 1m30s
//	"…"     for what is in quotes
//
// and one space for white space. A number that tells what kind of an error it is stays: a short one
// behind a word such as status, code or HTTP, and those of names such as x509 and utf8. So does the name
// of a host. What is longer than tasks.MaxErrorBytes,
// and a template that is longer than MaxTemplateBytes, loses its middle.
func ErrorTemplate(text string) string {
	t := template{text: tasks.Cut(text, tasks.MaxErrorBytes)}
	for t.at < len(t.text) {
		t.next()
	}
	return tasks.Cut(strings.TrimSpace(t.out.String()), MaxTemplateBytes)
}

// template is one way through a text.
type template struct {
	text string
	at   int // the byte that comes next
	out  strings.Builder
	// word is the run of letters and digits that came last, in lower case where it may matter.
	word string
	// unclosed are the quotes that do not close any more, local the end of what is no e-mail address.
	unclosed string
	local    int
}

// next takes the next part of the text.
func (t *template) next() {
	c := t.text[t.at]
	switch {
	case c <= ' ' || c == 0x7f:
		t.put(" ", 1)
	case strings.IndexByte("\"'`", c) >= 0:
		t.quoted(c)
	case t.behindWord():
		t.put(t.text[t.at:t.at+1], 1)
	case t.variable():
	case isWordByte(c):
		t.run()
	default:
		t.put(t.text[t.at:t.at+1], 1)
	}
}

// put writes what stands for the next bytes of the text.
func (t *template) put(out string, size int) {
	t.at += size
	if out != " " || !strings.HasSuffix(t.out.String(), " ") {
		t.out.WriteString(out)
	}
}

// behindWord reports whether the byte before the next one belongs to a word.
func (t *template) behindWord() bool {
	return t.at > 0 && isWordByte(t.text[t.at-1])
}

// quoted takes what is in quotes. An apostrophe within a word is none.
func (t *template) quoted(quote byte) {
	size := 0
	if strings.IndexByte(t.unclosed, quote) < 0 && (quote != '\'' || !t.behindWord()) {
		if size = closing(t.text[t.at:], quote); size == 0 {
			t.unclosed += string(quote)
		}
	}
	if size == 0 {
		t.put(string(quote), 1)
		return
	}
	t.put(string(quote)+"…"+string(quote), size)
	t.word = ""
}

// closing returns how long the quoted text is that a text begins with, 0 where it does not close.
func closing(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote != '`':
			i++
		case text[i] == quote && (quote != '\'' || i+1 == len(text) || !isWordByte(text[i+1])):
			return i + 1
		}
	}
	return 0
}

// The forms that are looked for where a word begins, and the most bytes that they are looked for in.
var (
	uuidForm     = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b`)
	durationForm = regexp.MustCompile(`^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h|d))+\b`)
	timeForm     = regexp.MustCompile(`^(?:\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?|\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\b`)
	emailForm    = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]`)
	sealForm     = regexp.MustCompile(`^sealed:[A-Za-z0-9_-]+`)
	ipv4Form     = regexp.MustCompile(`^\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b`)
	ipv6Form     = regexp.MustCompile(`^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*`)
	bracketForm  = regexp.MustCompile(`^\[([0-9A-Fa-f:.]+)\](?::\d{1,5}\b)?`)
)

const maxFormBytes = 80

// variable takes what is no word, but one of the forms. It returns false where there is none.
func (t *template) variable() bool {
	rest := t.text[t.at:]
	near := rest[:min(len(rest), maxFormBytes)]
	c := near[0]
	size, stands := 0, ""
	take := func(form *regexp.Regexp, text, as string) bool {
		if found := form.FindString(text); found != "" {
			size, stands = len(found), as
		}
		return size > 0
	}
	switch {
	case c == 's' && strings.HasPrefix(near, "sealed:") && take(sealForm, rest, "sealed:…"):
	case isHex(c) && len(near) >= 36 && near[8] == '-' && take(uuidForm, near, "<uuid>"):
	case isDigit(c) && (take(timeForm, near, "<time>") || take(durationForm, near, "<time>")):
	case c == '[' || c == ':' || isHex(c):
		size, stands = address(near), "<addr>"
	}
	if size == 0 && isWordByte(c) && t.at >= t.local {
		for t.local = t.at; t.local < len(t.text) && isLocal(t.text[t.local]); {
			t.local++
		}
		if t.local < len(t.text) && t.text[t.local] == '@' {
			take(emailForm, rest, "<addr>")
		}
	}
	if size == 0 {
		return false
	}
	t.put(stands, size)
	t.word = ""
	return true
}

// address returns how long the IP address is that a text begins with, its port included, 0 where there
// is none.
func address(text string) int {
	if found := ipv4Form.FindString(text); found != "" {
		return len(found)
	}
	if found := bracketForm.FindStringSubmatch(text); found != nil {
		if _, err := netip.ParseAddr(found[1]); err == nil {
			return len(found[0])
		}
	}
	ip := strings.TrimRight(ipv6Form.FindString(text), ".")
	if ip != "::" && !strings.HasSuffix(ip, "::") {
		ip = strings.TrimSuffix(ip, ":")
	}
	if _, err := netip.ParseAddr(ip); err != nil || !strings.ContainsAny(ip, "0123456789") {
		return 0
	}
	return len(ip)
}

// kinds are words behind which a short number tells what kind of an error it is.
var kinds = map[string]bool{
	"status": true, "code": true, "http": true, "exit": true, "signal": true, "errno": true, "error": true, "sqlstate": true,
}

const maxKindDigits = 5

// run takes a run of letters and digits.
func (t *template) run() {
	rest := t.text[t.at:]
	size := 1
	for size < len(rest) && isWordByte(rest[size]) {
		size++
	}
	run := rest[:size]
	digits, segments := shape(run)
	before := t.word
	t.word = strings.ToLower(run)
	switch {
	case digits == 0:
		t.put(run, size)
	case digits == size && (kinds[before] && size <= maxKindDigits || isStatus(rest)):
		t.put(run, size)
	case digits == size:
		for fraction := fractionForm.FindString(rest[size:]); fraction != ""; fraction = fractionForm.FindString(rest[size:]) {
			size += len(fraction)
		}
		t.put("<n>", size)
	case strings.HasPrefix(t.word, "0x") && hexForm.MatchString(run[2:]), size >= 7 && hexForm.MatchString(run):
		t.put("<hex>", size)
	case size >= 8 && segments >= 4:
		t.put("<id>", size)
	default:
		t.put(segmentForm.ReplaceAllStringFunc(run, func(number string) string {
			if len(number) <= maxNameDigits && !isDigit(run[0]) {
				return number
			}
			return "<n>"
		}), size)
	}
}

// maxNameDigits is how long a number may be that belongs to a name, as in x509.
const maxNameDigits = 3

var (
	fractionForm = regexp.MustCompile(`^\.\d+\b`)
	hexForm      = regexp.MustCompile(`^[0-9A-Fa-f]+$`)
	segmentForm  = regexp.MustCompile(`\d+`)
	statusForm   = regexp.MustCompile(`^[45]\d\d [A-Z]`)
)

// isStatus reports whether a text begins with the status of HTTP, as in 503 Service Unavailable.
func isStatus(text string) bool { return statusForm.MatchString(text) }

// shape returns how many digits a run has, and in how many segments of letters and of digits it falls.
func shape(run string) (digits, segments int) {
	for i := range len(run) {
		if isDigit(run[i]) {
			digits++
		}
		if i == 0 || isDigit(run[i]) != isDigit(run[i-1]) {
			segments++
		}
	}
	return digits, segments
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isLocal reports whether a byte may be in the part of an e-mail address before the @.
func isLocal(c byte) bool { return c < 0x80 && (isWordByte(c) || strings.IndexByte("._%+-", c) >= 0) }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// isWordByte reports whether a byte is of a letter, in any alphabet, or a digit.
func isWordByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}
