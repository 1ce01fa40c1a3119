package idempotency_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/tasks"
)

// longLease outlasts any test: claims run out when they are made to.
const longLease = time.Hour

// lapsing is a store whose claims can all be made to run out.
type lapsing struct {
	idempotency.Store
	lapse func(tb rapid.TB)
}

// modelled is what a store should know of a work.
type modelled struct {
	owner        string
	lapsed, done bool
}

var modelRuns atomic.Int64

// checkModel has a store and a model of it do the same things, in any order.
func checkModel(t *testing.T, s lapsing) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		ctx := t.Context()
		prefix := fmt.Sprintf("model/%d/", modelRuns.Add(1))
		var keys, owners []string
		for i := range 3 {
			keys, owners = append(keys, prefix+string(rune('a'+i))), append(owners, tasks.NewID())
		}
		key, owner := rapid.SampledFrom(keys), rapid.SampledFrom(owners)
		works := map[string]*modelled{}
		held := func(key, owner string) bool { return works[key] != nil && works[key].owner == owner }
		claim := func(t *rapid.T) {
			key, owner := key.Draw(t, "key"), owner.Draw(t, "owner")
			got, err := s.Claim(ctx, key, owner, longLease)
			require.NoError(t, err)
			w := works[key]
			switch {
			case w != nil && w.done:
				assert.Equal(t, idempotency.Claim{State: idempotency.Done}, got)
			case w != nil && w.owner != owner && !w.lapsed:
				assert.Equal(t, idempotency.Busy, got.State)
				assert.InDelta(t, longLease, got.Remaining, float64(time.Minute))
			default:
				assert.Equal(t, idempotency.Claim{State: idempotency.Claimed}, got)
				works[key] = &modelled{owner: owner}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"claim":       claim,
			"claim again": claim, // more often than the rest
			"extend": func(t *rapid.T) {
				key, owner := key.Draw(t, "key"), owner.Draw(t, "owner")
				err := s.Extend(ctx, key, owner, longLease)
				if !held(key, owner) {
					require.ErrorIs(t, err, idempotency.ErrClaimLost)
					return
				}
				require.NoError(t, err)
				works[key].lapsed = false
			},
			"complete": func(t *rapid.T) {
				key, owner := key.Draw(t, "key"), owner.Draw(t, "owner")
				err := s.Complete(ctx, key, owner)
				if !held(key, owner) {
					require.ErrorIs(t, err, idempotency.ErrClaimLost)
					return
				}
				require.NoError(t, err, "late or twice")
				works[key].done = true
			},
			"release": func(t *rapid.T) {
				key, owner := key.Draw(t, "key"), owner.Draw(t, "owner")
				require.NoError(t, s.Release(ctx, key, owner))
				if held(key, owner) && !works[key].done {
					delete(works, key)
				}
			},
			"lapse": func(t *rapid.T) {
				s.lapse(t)
				for _, w := range works {
					w.lapsed = true
				}
			},
		})
	})
}

// checkKeys has a store take every key that is not too long, and tell them all apart.
func checkKeys(t *testing.T, s idempotency.Store) {
	t.Helper()
	for _, key := range []string{"", strings.Repeat("k", idempotency.MaxKeyBytes+1)} {
		_, err := s.Claim(t.Context(), key, tasks.NewID(), longLease)
		require.ErrorIs(t, err, idempotency.ErrInvalidKey)
	}
	keys := []string{
		"keys/a", "keys/A", "keys/a ", " keys/a", "keys/é", "keys/e\u0301", "keys/\x00", "keys/\xff", "keys/'; --", `\x6b6579732fff`, "\\",
		strings.Repeat("\xff", idempotency.MaxKeyBytes), strings.Repeat("k", idempotency.MaxKeyBytes),
	}
	for _, key := range keys {
		owner := tasks.NewID()
		got, err := s.Claim(t.Context(), key, owner, longLease)
		require.NoError(t, err, "%q", key)
		assert.Equal(t, idempotency.Claimed, got.State, "%q", key)
		require.NoError(t, s.Complete(t.Context(), key, owner), "%q", key)
	}
}

// checkRace has many claim one work at a time: one gets it.
func checkRace(t *testing.T, s idempotency.Store) {
	t.Helper()
	const claimants = 8
	for i := range 5 {
		claims := make(chan idempotency.State, claimants)
		for range claimants {
			go func() {
				claim, err := s.Claim(t.Context(), fmt.Sprintf("race/%d", i), tasks.NewID(), longLease)
				assert.NoError(t, err)
				claims <- claim.State
			}()
		}
		count := map[idempotency.State]int{}
		for range claimants {
			count[<-claims]++
		}
		assert.Equal(t, map[idempotency.State]int{idempotency.Claimed: 1, idempotency.Busy: claimants - 1}, count)
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	for state, want := range map[idempotency.State]string{
		idempotency.Claimed: "claimed", idempotency.Done: "done", idempotency.Busy: "busy", 0: "State(0)",
	} {
		assert.Equal(t, want, state.String())
	}
}
