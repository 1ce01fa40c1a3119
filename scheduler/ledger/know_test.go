package ledger

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A configuration within the bounds is never refused, whatever the ledger says.
func TestKnowTakesWhatIsWithinTheBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			end := rapid.SampledFrom([]time.Time{earliest, start, latest.Add(-time.Second)}).Draw(t, "about")
			return end.Add(time.Duration(rapid.IntRange(0, 999_999).Draw(t, "microseconds")) * time.Microsecond)
		})
		text := func(low, high int) *rapid.Generator[string] {
			return rapid.OneOf(rapid.StringN(low, -1, high), rapid.Map(rapid.SampledFrom([]string{"a", "\x00", "\u2028", "\U0010ffff"}),
				func(char string) string { return strings.Repeat(char, high/len(char)) }))
		}
		known := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Known {
			return Known{
				Entry: text(1, MaxNameBytes).Draw(t, "entry"), Name: text(0, MaxNameBytes).Draw(t, "name"),
				Timetable: text(0, MaxTimetableBytes).Draw(t, "timetable"),
			}
		}), 0, 5, func(k Known) string { return k.Entry })

		clock := clockwork.NewFakeClockAt(moment.Draw(t, "now"))
		f := &fakeStream{clock: clock}
		for _, k := range known.Draw(t, "of others") {
			r := Record{
				Kind: rapid.SampledFrom([]Kind{KindKnown, KindAbsent}).Draw(t, "kind"), Entry: k.Entry, Name: k.Name, Timetable: k.Timetable,
				Since: moment.Draw(t, "since"), AbsentSince: moment.Draw(t, "absent since"), At: moment.Draw(t, "at"),
				Epoch: rapid.Uint64Range(0, maxEpoch).Draw(t, "epoch"), Term: rapid.Uint64().Draw(t, "term"),
			}
			line, err := r.Encode()
			require.NoError(t, err)
			f.append(line)
		}
		w := lead(t, f, clock, 1)
		require.NoError(t, w.Know(context.Background(), known.Draw(t, "first")...))
		entries := known.Draw(t, "then")
		require.NoError(t, w.Know(context.Background(), entries...))
		for _, k := range entries {
			position(t, w, k.Entry)
		}
	})
}
