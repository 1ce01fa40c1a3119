package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/guard"
	"github.com/warrenmq/warren/tasks"
)

func newKeys(t *testing.T) *encryption.Keyset {
	t.Helper()
	data, err := encryption.GenerateKeyset()
	require.NoError(t, err)
	keys, err := encryption.ParseKeyset(data)
	require.NoError(t, err)
	return keys
}

// mend has --set change what a letter is replayed as.
func mend(t *testing.T, m *mending, letter tasks.Message, set string) (tasks.Message, error) {
	t.Helper()
	s, err := deadletter.ParseSet(set)
	require.NoError(t, err)
	m.mended, m.change = map[string]bool{}, setting([]deadletter.Set{s})
	err = m.apply(&letter)
	return letter, err
}

func TestMend(t *testing.T) {
	letter := deadLetter("1", "email.welcome", "permanent", "no such user", noon)
	letter.Body = []byte(`{"user": "evee", "id": 12345678901234567890}`)
	m := &mending{}
	mended, err := mend(t, m, letter, "user=eve")
	require.NoError(t, err)
	want := []byte(`{"user": "eve", "id": 12345678901234567890}`)
	assert.Equal(t, want, mended.Body)
	assert.True(t, m.wasMended("1"))
	assert.False(t, m.wasMended("1"), "told")

	same, err := mend(t, m, letter, "user=evee")
	require.NoError(t, err)
	assert.False(t, m.wasMended("1"))
	assert.Equal(t, letter, same)

	_, err = mend(t, m, letter, "user.name=eve")
	assert.ErrorIs(t, err, deadletter.ErrNoPath)
	letter.Body = []byte("a,b")
	_, err = mend(t, m, letter, "user=eve")
	assert.ErrorIs(t, err, deadletter.ErrNotJSON)
	_, err = mend(t, &mending{guard: config.Guard{Fields: []string{"password"}}}, tasks.Message{Body: []byte("{}")}, "password=x")
	assert.ErrorIs(t, err, guard.ErrCredential)
}

func TestMendOfAnEncryptedLetter(t *testing.T) {
	old, keys := newKeys(t), newKeys(t)
	sealed, err := keys.Seal(tasks.Task{ID: "1", Key: "email.welcome", Payload: []byte(`{"user": "evee"}`), ContentType: "application/cloudevents+json"})
	require.NoError(t, err)
	letter, err := tasks.Encode(sealed, noon)
	require.NoError(t, err)
	letter.RoutingKey = "email"
	letter.Headers[tasks.HeaderRoutingKey] = "email.welcome"
	m := &mending{keys: letterKeys{config.Cipher{Keys: keys}}}

	mended, err := mend(t, m, letter, "user=eve")
	require.NoError(t, err)
	assert.NotContains(t, string(mended.Body), "eve")
	task, err := tasks.Decode(mended, "email", time.Time{})
	require.NoError(t, err)
	opened, err := keys.Open(&task)
	require.NoError(t, err)
	assert.JSONEq(t, `{"user": "eve"}`, string(opened.Payload))
	assert.Equal(t, "application/cloudevents+json", opened.ContentType)
	assert.Equal(t, encryption.ContentType, mended.ContentType)

	_, err = mend(t, &mending{}, letter, "user=eve")
	assert.ErrorContains(t, err, "encrypted with key "+keys.Primary()+", and the configuration has no encryption.keyset")
	_, err = mend(t, &mending{keys: letterKeys{config.Cipher{Keys: old}}}, letter, "user=eve")
	assert.ErrorIs(t, err, tasks.ErrUndecryptable)
	m.guard = config.Guard{Fields: []string{"password"}}
	_, err = mend(t, m, letter, "password=x")
	assert.ErrorIs(t, err, guard.ErrCredential)
}

func TestEdited(t *testing.T) {
	change := edited([]byte("a"), []byte("b"))
	got, err := change([]byte("a"))
	require.NoError(t, err)
	assert.Equal(t, "b", string(got))
	_, err = change([]byte("c"))
	assert.ErrorIs(t, err, errChangedMeanwhile)
}
