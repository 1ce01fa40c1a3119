package idempotency_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/idempotency"
	"github.com/warrenmq/warren/tasks"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	t.Run("model", func(t *testing.T) {
		t.Parallel()
		clock := clockwork.NewFakeClock()
		store := idempotency.NewMemory(0, clock.Now)
		checkModel(t, lapsing{store, func(rapid.TB) { clock.Advance(longLease) }})
	})
	t.Run("keys", func(t *testing.T) { t.Parallel(); checkKeys(t, idempotency.NewMemory(0, nil)) })
	t.Run("race", func(t *testing.T) { t.Parallel(); checkRace(t, idempotency.NewMemory(0, nil)) })
}

// What is full forgets what was claimed first, unless it is being run.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClock()
	store := idempotency.NewMemory(3, clock.Now)
	owner := tasks.NewID()
	claim := func(key string) idempotency.State {
		t.Helper()
		got, err := store.Claim(t.Context(), key, owner, time.Second)
		require.NoError(t, err)
		return got.State
	}
	for i := range 3 {
		claim(fmt.Sprint(i))
	}
	_, err := store.Claim(t.Context(), "3", owner, time.Second)
	require.ErrorIs(t, err, idempotency.ErrFull)
	require.NoError(t, store.Complete(t.Context(), "1", owner))
	assert.Equal(t, idempotency.Done, claim("1"))
	assert.Equal(t, idempotency.Claimed, claim("3"), "1 is forgotten")
	clock.Advance(500 * time.Millisecond)
	assert.Equal(t, idempotency.Claimed, claim("0"), "claimed anew")
	clock.Advance(500 * time.Millisecond)
	assert.Equal(t, idempotency.Claimed, claim("4"), "2 has run out and is forgotten")
	require.ErrorIs(t, store.Extend(t.Context(), "2", owner, time.Second), idempotency.ErrClaimLost)
	require.NoError(t, store.Extend(t.Context(), "0", owner, time.Second))
}
