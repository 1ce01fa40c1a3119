package main

import (
	"bytes"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

// mending changes the payloads of letters as they are replayed.
type mending struct {
	guard config.Guard
	keys  letterKeys
	// change returns another payload for one that is in clear.
	change func(payload []byte) ([]byte, error)

	mu sync.Mutex
	// mended are the IDs of the tasks that were changed, and whose fate has not been told.
	mended map[string]bool
	first  *mendedLetter // that was changed
}

// mendedLetter is a task with its changed payload, in clear.
type mendedLetter struct {
	ID      string `json:"id"`
	Payload string `json:"payload"`
}

// apply changes the payload of what a letter is replayed as. An encrypted one is decrypted for that and
// encrypted again, with the key that encrypts now.
func (m *mending) apply(replay *tasks.Message) error {
	t, _ := tasks.Decode(*replay, "", time.Time{}) // whatever else is wrong with it
	sealed := t.KeyID != ""
	var err error
	if sealed {
		if t, err = m.keys.open(t); err != nil {
			return err
		}
	}
	payload, err := m.change(t.Payload)
	if err != nil || bytes.Equal(payload, t.Payload) {
		return err
	}
	t.Payload = payload
	if err := m.guard.Check(&t); err != nil {
		return err
	}
	if sealed {
		if t, err = m.keys.cipher.Keys.Seal(t); err != nil {
			return err
		}
		replay.ContentType, replay.ContentEncoding = t.ContentType, t.ContentEncoding
		replay.Headers = maps.Clone(replay.Headers)
		replay.Headers[tasks.HeaderKeyID] = t.KeyID
	}
	replay.Body = t.Payload
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mended[replay.MessageID] = true
	if m.first == nil {
		m.first = &mendedLetter{replay.MessageID, string(payload)}
	}
	return nil
}

// edit returns what changes payloads, nil where nothing does.
func (m *mending) edit() func(*tasks.Message) error {
	if m == nil {
		return nil
	}
	return m.apply
}

// wasMended reports whether a task was changed, and forgets it.
func (m *mending) wasMended(id string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.mended[id]
	delete(m.mended, id)
	return was
}

// example returns one of the letters that were changed, nil where none was.
func (m *mending) example() *mendedLetter {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first
}

// setting returns a change of the values of --set, one after the other.
func setting(sets []deadletter.Set) func([]byte) ([]byte, error) {
	return func(payload []byte) ([]byte, error) {
		for _, set := range sets {
			var err error
			if payload, err = set.Apply(payload); err != nil {
				return nil, err
			}
		}
		return payload, nil
	}
}

// errChangedMeanwhile is a letter that is not the one any more that was edited.
var errChangedMeanwhile = errors.New("another letter of this task has taken its place meanwhile")

// edited returns a change of one payload, which has been edited.
func edited(before, after []byte) func([]byte) ([]byte, error) {
	return func(payload []byte) ([]byte, error) {
		if !bytes.Equal(payload, before) {
			return nil, errChangedMeanwhile
		}
		return after, nil
	}
}
