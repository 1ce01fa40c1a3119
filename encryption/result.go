package encryption

import (
	"fmt"

	"github.com/warrenmq/warren/tasks"
)

// sealResult returns the result of an encrypted task encrypted with the task's key, as the payload is.
// What there is no result for, encrypted too, is an error's text.
func (k *Keyset) sealResult(t *tasks.Task, r tasks.Result) tasks.Result {
	key := k.keys[t.KeyID] // which has opened the task
	if r.Err != nil {
		x, _ := k.texts(t, purposeError)
		return tasks.Result{Err: newSealedError(r.Err, r.Err.Error(), x)}
	}
	sealed, err := key.aead.Encrypt(frame(r.ContentType, "", r.Body), associated(purposeResult, t.Key, t.ID))
	if err != nil {
		return tasks.Result{Err: fmt.Errorf("encrypt the result: %w", err)}
	}
	return tasks.Result{ContentType: ContentType, Body: sealed}
}

// openReply returns the reply to an encrypted task with its result decrypted. A result that does not
// open, or that was never encrypted, is an error that is tasks.ErrUndecryptable.
func (k *Keyset) openReply(t *tasks.Task, r tasks.Reply) (tasks.Reply, error) {
	if r.ContentType == "" && len(r.Body) == 0 { // there is no result
		return r, nil
	}
	if r.ContentType != ContentType {
		return tasks.Reply{ID: r.ID}, fmt.Errorf("%w: the result of task %s is not encrypted, and the task was", tasks.ErrUndecryptable, r.ID)
	}
	plain, err := k.keys[t.KeyID].aead.Decrypt(r.Body, associated(purposeResult, t.Key, t.ID))
	contentType, _, body, framed := unframe(plain)
	if err != nil || !framed {
		return tasks.Reply{ID: r.ID}, fmt.Errorf("%w: key %s does not open the result of task %s", tasks.ErrUndecryptable, t.KeyID, r.ID)
	}
	return tasks.Reply{ID: r.ID, ContentType: contentType, Body: body}, nil
}
