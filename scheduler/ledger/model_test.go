package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/streams"
)

// Whatever terms overlap, and whichever of their records are lost, doubled or late: from every place that a
// record names, the state is that of the whole stream; so it is where all before the newest snapshot's
// place was trimmed, and in any order of the records.
func TestFoldFromAnySnapshotIsThatOfAll(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		f, clock := newStream()
		var late [][]byte
		fate := rapid.SampledFrom([]string{"", "", "", "", "lost", "late", "unconfirmed", "doubled"})
		f.answer = func(body []byte) (bool, error) {
			failed := errors.New("no confirm")
			switch fate.Draw(t, "fate") {
			case "lost":
				return false, failed
			case "late":
				late = append(late, body)
				return false, failed
			case "unconfirmed":
				return true, failed
			case "doubled":
				f.append(body)
			}
			return true, nil
		}
		var terms []*Writer
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		second := rapid.IntRange(0, 5000)
		drawn := func(t *rapid.T) *Writer {
			if len(terms) == 0 {
				t.Skip("nobody has led")
			}
			return terms[rapid.IntRange(max(0, len(terms)-3), len(terms)-1).Draw(t, "writer")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"lead": func(t *rapid.T) {
				skew := time.Duration(rapid.IntRange(-60, 60).Draw(t, "skew")) * time.Minute
				own := skewed{clock, skew}
				state, err := Load(ctx, f, stream, own.Now())
				require.NoError(t, err)
				require.Equal(t, f.all().Entries(), state.Entries())
				w, err := NewWriter(state, f, Config{
					Stream: stream, Term: uint64(len(terms) + 1), Clock: own, Log: slog.New(slog.DiscardHandler),
				})
				require.NoError(t, err)
				terms = append(terms, w)
			},
			"know": func(t *rapid.T) {
				names := rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(t, "names")
				timetable := rapid.SampledFrom([]string{"", "@daily"}).Draw(t, "timetable")
				for i := range names {
					names[i] += timetable
				}
				_ = drawn(t).Know(ctx, known(names...)...)
			},
			"tick": func(t *rapid.T) {
				w, entry := drawn(t), name.Draw(t, "entry")
				if _, known := w.Entry(entry); !known {
					t.Skip("only what is known is emitted")
				}
				at := start.Add(time.Duration(second.Draw(t, "second")) * time.Second)
				before, _ := w.Entry(entry)
				err := w.Tick(ctx, tick(entry, at))
				if after, _ := w.Entry(entry); err == nil && after.Epoch == before.Epoch {
					require.False(t, after.Position().Before(at))
				}
			},
			"restart": func(t *rapid.T) {
				w, entry := drawn(t), name.Draw(t, "entry")
				before, known := w.Entry(entry)
				if !known {
					t.Skip("only what is known is restarted")
				}
				if err := w.Restart(ctx, entry); err == nil {
					after, _ := w.Entry(entry)
					require.Equal(t, before.Epoch+1, after.Epoch)
					require.Equal(t, w.now(), after.Position())
				}
			},
			"skip": func(t *rapid.T) {
				w, entry := drawn(t), name.Draw(t, "entry")
				if _, known := w.Entry(entry); !known {
					t.Skip("only what is known is skipped")
				}
				at := start.Add(time.Duration(second.Draw(t, "second")) * time.Second)
				_ = w.Skip(ctx, Skip{Entry: entry, From: at, To: at.Add(time.Minute), Ticks: 1})
			},
			"time": func(t *rapid.T) {
				clock.Advance(time.Duration(rapid.IntRange(1, 1200).Draw(t, "seconds")) * time.Second)
			},
			"arrive": func(*rapid.T) {
				for _, body := range late {
					f.append(body)
				}
				late = nil
			},
			"garbage": func(*rapid.T) { f.append([]byte(`{"kind":"tick","entry":7}`)) },
		})
		want := f.all().Entries()
		loaded, err := Load(ctx, f, stream, clock.Now())
		require.NoError(t, err)
		require.Equal(t, want, loaded.Entries())
		require.Equal(t, uint64(len(f.records)), loaded.next)
		starts := map[uint64]bool{}
		for _, r := range f.decoded() {
			if from, ok := r.start(); ok {
				starts[from] = true
			}
		}
		for from := range starts {
			require.Equal(t, want, foldFrom(t, f, from), "from %d", from)
		}
		if len(starts) > 0 {
			first := slices.Max(slices.Collect(maps.Keys(starts)))
			trimmed := &fakeStream{clock: clock, records: f.records[first:], first: first}
			loaded, err := Load(ctx, trimmed, stream, clock.Now())
			require.NoError(t, err)
			require.Equal(t, want, loaded.Entries(), "trimmed")
		}
		var shuffled State
		records := f.decoded()
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)).Shuffle(len(records), func(i, j int) {
			records[i], records[j] = records[j], records[i]
		})
		for _, r := range records {
			shuffled.Apply(r)
		}
		require.Equal(t, want, shuffled.Entries(), "in another order")
	})
}

// foldFrom is the state of a reader that begins at an offset.
func foldFrom(t require.TestingT, f *fakeStream, from uint64) map[string]Entry {
	load := loading{start: from}
	err := f.ReadStream(context.Background(), stream, streams.At(from), load.take)
	require.NoError(t, err)
	require.True(t, load.covered, "no snapshot from %d on", from)
	return load.state.Entries()
}

// skewed is a clock that is wrong.
type skewed struct {
	*clockwork.FakeClock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.FakeClock.Now().Add(s.by) }

func TestWhatIsHeldIsBounded(t *testing.T) {
	t.Parallel()
	var s State
	for i := range MaxEntries + 1000 {
		s.Apply(Record{Kind: KindTick, Entry: fmt.Sprint("stray", i), ScheduledFor: start, ID: "x", At: start})
		sight := Record{Kind: KindKnown, Entry: fmt.Sprint("entry", i), Since: start, At: start}
		if i >= 100 {
			sight.Kind, sight.AbsentSince = KindAbsent, start
		}
		s.Apply(sight)
	}
	require.Len(t, s.strays, MaxEntries)
	require.Len(t, s.entries, MaxEntries)

	f, clock := newStream()
	w, err := NewWriter(&s, f, Config{Stream: stream, Term: 1, Clock: clock, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, w.Know(t.Context(), known("mine", "entry7")...))
	require.NoError(t, w.Know(t.Context(), known("mine", "entry7")...))
	require.Equal(t, start, position(t, w, "mine"))
	require.Equal(t, start, position(t, w, "entry7"))
	require.Len(t, s.entries, MaxEntries)
	last, err := Decode(f.records[len(f.records)-1])
	require.NoError(t, err)
	require.Equal(t, KindSnapshot, last.Kind)
	require.Greater(t, last.Parts, 10)
}
