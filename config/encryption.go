package config

import (
	"fmt"
	"log/slog"

	"github.com/warrenmq/warren/encryption"
	"github.com/warrenmq/warren/guard"
	"github.com/warrenmq/warren/tasks"
)

// Encryption is how payloads are encrypted. The zero value does not.
type Encryption struct {
	// Keyset names the file of the key set, or is the key set itself, as encryption.LoadKeyset says.
	Keyset string
	// Required has workers refuse tasks that are not encrypted. Defaults to false.
	Required bool
}

// Load reads the key set and returns what encrypts and decrypts with it; without a key set that does
// nothing. A key set that cannot be read or used is [ErrInvalid].
func (e Encryption) Load() (Cipher, error) {
	if e.Keyset == "" {
		return Cipher{}, nil
	}
	keys, err := encryption.LoadKeyset(e.Keyset)
	if err != nil {
		return Cipher{}, fmt.Errorf("%w: encryption.keyset: %w", ErrInvalid, err)
	}
	return Cipher{Keys: keys, Required: e.Required}, nil
}

// Cipher puts encryption where tasks are enqueued and run. Get one from [Encryption.Load].
type Cipher struct {
	// Keys is nil where nothing is encrypted.
	Keys *encryption.Keyset
	// Required is Encryption's.
	Required bool
}

// Before puts encryption before an enqueuer.
func (c Cipher) Before(next guard.Next) guard.Next {
	if c.Keys == nil {
		return next
	}
	return encryption.New(next, c.Keys)
}

// BeforeWaiter puts encryption before who waits for tasks.
func (c Cipher) BeforeWaiter(next tasks.Waiter) tasks.Waiter {
	if c.Keys == nil {
		return next
	}
	return encryption.NewWaiter(next, c.Keys)
}

// Middleware returns what decrypts for handlers; log takes the stacks of their panics.
func (c Cipher) Middleware(log *slog.Logger) []tasks.Middleware {
	if c.Keys == nil {
		return nil
	}
	return []tasks.Middleware{encryption.Middleware(c.Keys, encryption.Config{Required: c.Required, Log: log})}
}

func (v value) encryption(to *Encryption) {
	given := false
	mapping := v.fields(map[string]func(value){
		"keyset": func(v value) {
			given = true
			if v.text(&to.Keyset) && to.Keyset == "" {
				v.fail("it is empty")
			}
		},
		"required": func(v value) { v.boolean(&to.Required) },
	})
	if mapping && !given {
		v.fail("keyset is missing")
	}
}
