package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/streams"
)

// anyEvent draws an event whose texts hold what could be taken for a field.
func anyEvent(t *rapid.T) Event {
	text := rapid.OneOf(rapid.Just(""), rapid.Just(`,"queue":"x","wait_ms":7,"event":"dead"}`), rapid.String())
	e := Event{
		At:    time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
		Event: rapid.SampledFrom(append(Kinds(), "later")).Draw(t, "kind"),
		ID:    text.Draw(t, "id"), Key: text.Draw(t, "key"), Queue: text.Draw(t, "queue"),
		Error: text.Draw(t, "error"), Note: text.Draw(t, "note"), By: text.Draw(t, "by"),
		Attempt: rapid.IntRange(0, 3).Draw(t, "attempt"), Count: rapid.IntRange(0, 3).Draw(t, "count"),
	}
	millis := rapid.Custom(func(t *rapid.T) *Millis {
		m := Millis(rapid.IntRange(0, 1e9).Draw(t, "micros")) / 1000
		return &m
	})
	if rapid.Bool().Draw(t, "waited") {
		e.Wait = millis.Draw(t, "wait")
	}
	if rapid.Bool().Draw(t, "ran") {
		e.Duration = millis.Draw(t, "duration")
	}
	return e
}

// What scan reads of a line is what encoding/json reads.
func TestScanIsParse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		line := e.append(nil)
		var scanned, parsed outcome
		parsed.parse(line, time.Time{})
		if !scanned.scan(line) || !counts(scanned.kind) {
			assert.True(t, parsed.kind == Gap || !counts(parsed.kind) || !plain(e.Queue), "a plain line is scanned: %s", line)
			return
		}
		parsed.count = 0 // a gap's alone
		assert.Equal(t, parsed.kind, scanned.kind)
		assert.True(t, parsed.at.Equal(scanned.at))
		assert.Equal(t, string(parsed.queue), string(scanned.queue))
		assert.Equal(t, [4]any{parsed.wait, parsed.waited, parsed.took, parsed.ran}, [4]any{scanned.wait, scanned.waited, scanned.took, scanned.ran})
	})
}

func plain(text string) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Lines of another writer, in any order and with spaces, are read as well; what is no event is a gap of one.
func TestOutcomesOfForeignLines(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 6, 0, 1, 0, time.UTC)
	r := streams.Record{Time: at, Body: []byte(`{"event": "dead", "queue": "a", "at": "2026-11-22T06:00:00Z", "wait_ms": 5}
{"at":"2026-11-22T06:00:00.000000Z","event":"succeeded","queue":"a","wait_ms":null}

{"at":"2026-11-22T06:00:00.000000Z","event":"started","queue":"a","wait_ms":7}
nonsense
{"at":"2026-11-22T06:00:00.000000Z","event":"gap","count":12}
`)}
	var kinds []Kind
	missing, waited := 0, 0
	eachOutcome(r, func(o *outcome) {
		kinds = append(kinds, o.kind)
		missing += o.count
		if o.waited {
			waited++
			assert.Equal(t, 5*time.Millisecond, o.wait.Duration())
		}
	})
	assert.Equal(t, []Kind{Dead, Succeeded, Gap, Gap}, kinds)
	assert.Equal(t, 13, missing)
	assert.Equal(t, 1, waited)
	eachOutcome(streams.Record{Headers: map[string]any{streams.HeaderMarker: "x"}, Body: []byte("y")}, func(*outcome) { require.Fail(t, "a marker") })
}

func BenchmarkWindowTake(b *testing.B) {
	wait, took := Millis(12.5), Millis(3.25)
	now := time.Now()
	e := Event{At: now, Event: Succeeded, ID: "01a20294-28ba-7eb6-aa3f-826f8415d164", Key: "email.welcome.eu", Queue: "email", Attempt: 1,
		Worker: "vm-host-7:12345", Wait: &wait, Duration: &took, By: "guest (claimed)"}
	r := streams.Record{Body: append(e.append(nil), '\n')}
	w := NewWindow(5*time.Minute, 5*time.Second, "email")
	b.SetBytes(int64(len(r.Body)))
	for b.Loop() {
		w.Take(r, now)
	}
}
