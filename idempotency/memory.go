package idempotency

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// DefaultCapacity is how many works a [Memory] knows where nothing else is said: some 30 MB.
const DefaultCapacity = 100_000

// Memory is a [Store] in the memory of one process, for tests and for a worker that is alone: what
// another process does, and what this one did before it was started anew, it does not know. It is
// bounded: where it is full the work that was claimed longest ago is forgotten, if it is done or its
// lease has run out. It never blocks.
type Memory struct {
	capacity int
	now      func() time.Time

	mu     sync.Mutex
	works  map[string]*list.Element
	oldest *list.List // of *work, by the time of their last claim
}

// work is what is known of one.
type work struct {
	key, owner string
	expires    time.Time
	done       bool
}

// NewMemory returns an empty store that knows at most so many works. A capacity of 0 or below is
// DefaultCapacity; a nil now is time.Now.
func NewMemory(capacity int, now func() time.Time) *Memory {
	if capacity <= 0 {
		capacity = DefaultCapacity
	}
	if now == nil {
		now = time.Now
	}
	return &Memory{capacity: capacity, now: now, works: map[string]*list.Element{}, oldest: list.New()}
}

// Claim claims a work, see [Store]. Its errors are ErrInvalidKey and ErrFull.
func (m *Memory) Claim(_ context.Context, key, owner string, lease time.Duration) (Claim, error) {
	if err := checkKey(key); err != nil {
		return Claim{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	element := m.works[key]
	if element == nil {
		if len(m.works) >= m.capacity && !m.forgetOne(now) {
			return Claim{}, ErrFull
		}
		m.works[key] = m.oldest.PushBack(&work{key: key, owner: owner, expires: now.Add(lease)})
		return Claim{State: Claimed}, nil
	}
	w := element.Value.(*work)
	switch {
	case w.done:
		return Claim{State: Done}, nil
	case w.owner != owner && now.Before(w.expires):
		return Claim{State: Busy, Remaining: w.expires.Sub(now)}, nil
	}
	w.owner, w.expires = owner, now.Add(lease)
	m.oldest.MoveToBack(element)
	return Claim{State: Claimed}, nil
}

// forgetOne makes room for a work. It looks past those that are being run, of which there are as
// many as there are slots.
func (m *Memory) forgetOne(now time.Time) bool {
	for element := m.oldest.Front(); element != nil; element = element.Next() {
		if w := element.Value.(*work); w.done || !now.Before(w.expires) {
			m.oldest.Remove(element)
			delete(m.works, w.key)
			return true
		}
	}
	return false
}

// Extend makes a lease last from now on, see [Store].
func (m *Memory) Extend(_ context.Context, key, owner string, lease time.Duration) error {
	return m.change(key, owner, func(w *work) { w.expires = m.now().Add(lease) })
}

// Complete notes that a work is done, see [Store].
func (m *Memory) Complete(_ context.Context, key, owner string) error {
	return m.change(key, owner, func(w *work) { w.done = true })
}

// change changes a work that is the owner's.
func (m *Memory) change(key, owner string, do func(*work)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	element := m.works[key]
	if element == nil || element.Value.(*work).owner != owner {
		return ErrClaimLost
	}
	do(element.Value.(*work))
	return nil
}

// Release gives a claim back, see [Store].
func (m *Memory) Release(_ context.Context, key, owner string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if element := m.works[key]; element != nil {
		if w := element.Value.(*work); w.owner == owner && !w.done {
			m.oldest.Remove(element)
			delete(m.works, key)
		}
	}
	return nil
}
