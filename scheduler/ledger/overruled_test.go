package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a deposed leader says of its configuration holds for no later leader, however late it is appended:
// the one between says again what holds.
func TestWhatADeposedLeaderSays(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(t *testing.T, older *Writer){
		"absent":           func(t *testing.T, o *Writer) { require.NoError(t, o.Know(t.Context())) },
		"of an old file":   func(t *testing.T, o *Writer) { require.NoError(t, o.Know(t.Context(), known("a@old")...)) },
		"in another epoch": func(t *testing.T, o *Writer) { require.NoError(t, o.Restart(t.Context(), "a")) },
	} {
		for _, fails := range []string{"nothing", "the telling", "the reading"} {
			t.Run(name+", and fails "+fails, func(t *testing.T) {
				t.Parallel()
				f, clock := newStream()
				ctx := t.Context()
				older := lead(t, f, clock, 1)
				require.NoError(t, older.Know(ctx, known("a")...))
				w := lead(t, f, clock, 2)
				require.NoError(t, w.Know(ctx, known("a")...))
				clock.Advance(time.Second)
				late(t, older)
				clock.Advance(snapshotAfter)
				switch fails {
				case "the telling":
					f.answer = func(body []byte) (bool, error) {
						if strings.Contains(string(body), `"kind":"known"`) {
							return false, errors.New("no")
						}
						return true, nil
					}
				case "the reading":
					f.refuse = errors.New("no")
				}
				last := start.Add(10 * time.Minute)
				require.NoError(t, w.Tick(ctx, tick("a", last)))
				f.answer, f.refuse = nil, nil
				if fails != "nothing" {
					clock.Advance(snapshotRetry)
					last = last.Add(time.Minute)
					require.NoError(t, w.Tick(ctx, tick("a", last)))
				}
				clock.Advance(3 * time.Hour)
				next := lead(t, f, clock, 3)
				require.NoError(t, next.Know(ctx, known("a")...))
				e, _ := next.Entry("a")
				assert.Equal(t, "* * * * *", e.Timetable)
				assert.True(t, e.AbsentSince.IsZero())
				if e.Epoch == 0 {
					assert.Equal(t, start, e.Since)
					assert.Equal(t, last, e.Position())
				} else {
					assert.False(t, e.Position().Before(start), e.Position())
					assert.False(t, e.Position().After(last), e.Position())
				}
				assert.Equal(t, f.all().Entries(), next.state.Entries())
			})
		}
	}
}

// A deposed leader that reads what its successor said does not repeat its own.
func TestADeposedLeaderRepeatsNothing(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	older := lead(t, f, clock, 1)
	require.NoError(t, older.Know(ctx, known("a", "b")...))
	require.NoError(t, lead(t, f, clock, 2).Know(ctx, known("a@daily")...))
	clock.Advance(snapshotAfter)
	require.NoError(t, older.Tick(ctx, tick("a", start.Add(time.Minute))))
	assert.Equal(t, KindSnapshot, kinds(f)[len(f.records)-1])
	next := lead(t, f, clock, 3)
	e, _ := next.Entry("a")
	assert.Equal(t, "daily", e.Timetable)
	e, _ = next.Entry("b")
	assert.False(t, e.AbsentSince.IsZero())
}

// The leader dies before it reads what came late: its ticks tell that it had the entry.
func TestAbsentEntryThatTicks(t *testing.T) {
	t.Parallel()
	f, clock := newStream()
	ctx := t.Context()
	older := lead(t, f, clock, 1)
	require.NoError(t, older.Know(ctx, known("a")...))
	w := lead(t, f, clock, 2)
	require.NoError(t, w.Know(ctx, known("a")...))
	require.NoError(t, older.Know(ctx))
	clock.Advance(3 * time.Hour)
	f.refuse = errors.New("no reading")
	last := clock.Now()
	require.NoError(t, w.Tick(ctx, tick("a", last)))
	f.refuse = nil
	clock.Advance(returns)
	next := lead(t, f, clock, 3)
	require.NoError(t, next.Know(ctx, known("a")...))
	assert.Equal(t, last, position(t, next, "a"), "what was missed since then is caught up")
	e, _ := next.Entry("a")
	assert.Equal(t, start, e.Since)
	assert.True(t, e.AbsentSince.IsZero())
}
