package encryption

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/warrenmq/warren/tasks"
)

// ContentType is the content type of an encrypted payload. That of the payload itself is encrypted
// with it.
const ContentType = "application/vnd.warren.encrypted"

// Seal returns a task with its payload encrypted with the primary key, content type and encoding
// included, for its routing key and its ID, which it is given where it has none. The task that is
// passed is not changed. A task that has a KeyID is encrypted already, or says so, and is refused
// with an error that is tasks.ErrInvalidTask.
func (k *Keyset) Seal(t tasks.Task) (tasks.Task, error) {
	if t.KeyID != "" {
		return t, fmt.Errorf("%w: key id: %q is given, and the payload is yet to be encrypted", tasks.ErrInvalidTask, t.KeyID)
	}
	if t.ID == "" {
		t.ID = tasks.NewID()
	}
	t.ContentType = cmp.Or(t.ContentType, tasks.DefaultContentType)
	for _, f := range [...]struct{ name, value string }{
		{"content type", t.ContentType}, {"content encoding", t.ContentEncoding},
	} {
		switch {
		case strings.Contains(f.value, "\n"):
			return t, fmt.Errorf("%w: %s: it has a line feed", tasks.ErrInvalidTask, f.name)
		case len(f.value) > tasks.MaxIDBytes:
			return t, fmt.Errorf("%w: %s: %d bytes, at most %d", tasks.ErrInvalidTask, f.name, len(f.value), tasks.MaxIDBytes)
		}
	}
	plain := frame(t.ContentType, t.ContentEncoding, t.Payload)
	sealed, err := k.keys[k.primary].aead.Encrypt(plain, associated(purposePayload, t.Key, t.ID))
	if err != nil {
		return t, fmt.Errorf("encrypt the payload: %w", err)
	}
	t.KeyID, t.Payload = k.primary, sealed
	t.ContentType, t.ContentEncoding = ContentType, ""
	return t, nil
}

// Open returns a task as it was before Seal, with the texts of earlier errors decrypted too, and
// without its KeyID. The task that is passed is not changed. An unknown key, a payload that was
// changed, or one that was moved to another routing key or ID is an error that is
// tasks.ErrUndecryptable. It never panics, whatever the task holds.
func (k *Keyset) Open(t *tasks.Task) (tasks.Task, error) {
	key, known := k.keys[t.KeyID]
	if !known {
		return tasks.Task{}, fmt.Errorf("%w: key %.40q is not in the key set", tasks.ErrUndecryptable, t.KeyID)
	}
	plain, err := key.aead.Decrypt(t.Payload, associated(purposePayload, t.Key, t.ID))
	if err != nil { // which of these it is nobody can know
		return tasks.Task{}, fmt.Errorf("%w: key %s does not open the payload under this routing key and ID: "+
			"it was changed, or moved from another task", tasks.ErrUndecryptable, t.KeyID)
	}
	contentType, encoding, payload, framed := unframe(plain)
	if !framed {
		return tasks.Task{}, fmt.Errorf("%w: the payload opens, and does not begin with the lines of its content type and encoding",
			tasks.ErrUndecryptable)
	}
	opened := *t
	opened.KeyID, opened.Payload = "", payload
	opened.ContentType, opened.ContentEncoding = contentType, encoding
	opened.Errors = k.openTexts(t)
	return opened, nil
}

// frame returns a body with its content type and encoding in front, a line each.
func frame(contentType, encoding string, body []byte) []byte {
	plain := make([]byte, 0, len(contentType)+len(encoding)+len("\n\n")+len(body))
	plain = append(append(plain, contentType...), '\n')
	plain = append(append(plain, encoding...), '\n')
	return append(plain, body...)
}

// unframe is the other way round. The last result is false where there are no two lines.
func unframe(plain []byte) (contentType, encoding string, body []byte, ok bool) {
	first, rest, typed := bytes.Cut(plain, []byte("\n"))
	second, body, encoded := bytes.Cut(rest, []byte("\n"))
	return cmp.Or(string(first), tasks.DefaultContentType), string(second), body, typed && encoded
}
