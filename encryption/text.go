package encryption

import (
	"encoding/base64"
	"regexp"

	"github.com/warrenmq/warren/tasks"
)

const (
	// sealedMark begins an encrypted text; what follows is the ciphertext in base64url, unpadded.
	sealedMark = "sealed:"
	// unreadable stands for a text that there was no room to encrypt.
	unreadable = "sealed"
	// maxSealedBytes bounds an encrypted text, so that it and what is put before it fit into
	// tasks.MaxErrorBytes.
	maxSealedBytes = 1800
	// maxSealedNoteBytes bounds an encrypted note of progress; there is room for tasks.MaxNoteBytes.
	maxSealedNoteBytes = 512
	// minTextBytes is the least of a text that is worth encrypting.
	minTextBytes = 12
)

var sealedText = regexp.MustCompile(sealedMark + `[A-Za-z0-9_-]+`)

// texts encrypts and decrypts texts that belong to one task, with the task's own key.
type texts struct {
	key        key
	associated []byte
}

func (k *Keyset) texts(t *tasks.Task, purpose string) (texts, bool) {
	key, known := k.keys[t.KeyID]
	return texts{key: key, associated: associated(purpose, t.Key, t.ID)}, known
}

// seal encrypts a text into at most size bytes. A text that is too long for that loses its middle
// first; where nearly nothing of it would be left there is only a word that says so.
func (x texts) seal(text string, size int) string {
	room := base64.RawURLEncoding.DecodedLen(size-len(sealedMark)) - x.key.overhead
	if len(text) > room && room < minTextBytes {
		return unreadable
	}
	sealed, err := x.key.aead.Encrypt([]byte(tasks.Cut(text, room)), x.associated)
	if err != nil {
		return unreadable
	}
	return sealedMark + base64.RawURLEncoding.EncodeToString(sealed)
}

// open decrypts what is encrypted within a text. What does not open, as where it was cut, stays as
// it is.
func (x texts) open(text string) string {
	return sealedText.ReplaceAllStringFunc(text, func(match string) string {
		sealed, err := base64.RawURLEncoding.DecodeString(match[len(sealedMark):])
		if err != nil {
			return match
		}
		plain, err := x.key.aead.Decrypt(sealed, x.associated)
		if err != nil {
			return match
		}
		return string(plain)
	})
}

// OpenError returns the text of an error of a task, as a dead letter or a reply tells it, with what is
// encrypted in it decrypted. What does not open stays as it is: `sealed:` and letters that nobody can
// read.
func (k *Keyset) OpenError(t *tasks.Task, text string) string {
	x, known := k.texts(t, purposeError)
	if !known {
		return text
	}
	return x.open(text)
}

// openTexts returns the errors of a task's earlier attempts, decrypted.
func (k *Keyset) openTexts(t *tasks.Task) []string {
	if len(t.Errors) == 0 {
		return t.Errors
	}
	opened := make([]string, len(t.Errors))
	for i, text := range t.Errors {
		opened[i] = k.OpenError(t, text)
	}
	return opened
}
