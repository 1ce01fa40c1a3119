package main

import (
	"fmt"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

// letterKeys read what is encrypted of letters, as far as there are keys.
type letterKeys struct{ cipher config.Cipher }

// readingKeys returns the configuration's keys.
func readingKeys(cfg *config.Config) (letterKeys, error) {
	cipher, err := cfg.Encryption.Load()
	return letterKeys{cipher}, err
}

// keyID is the key that a letter is encrypted with, empty where it is not.
func keyID(r *deadletter.Record) string {
	id, _ := r.Headers[tasks.HeaderKeyID].(string)
	return id
}

// errorText reads the last error of a letter.
func (k letterKeys) errorText(r *deadletter.Record) string {
	id := keyID(r)
	if id == "" || k.cipher.Keys == nil {
		return r.Error
	}
	return k.cipher.Keys.OpenError(&tasks.Task{ID: r.ID, Key: r.Key, KeyID: id}, r.Error)
}

// open decrypts the payload of an encrypted task.
func (k letterKeys) open(t tasks.Task) (tasks.Task, error) {
	if k.cipher.Keys == nil {
		return t, fmt.Errorf("the payload is encrypted with key %s, and the configuration has no encryption.keyset", t.KeyID)
	}
	return k.cipher.Keys.Open(&t)
}
