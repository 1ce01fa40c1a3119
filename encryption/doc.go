// Package encryption keeps payloads, and what is told of their tasks, from whoever can read queues:
// an [Enqueuer] encrypts a task before it is published, [Middleware] decrypts it for its handler, and
// the broker, its console and the dead letters hold ciphertext in between.
//
//	keys, err := encryption.LoadKeyset("keyset.json")
//	id, err := Welcome.Enqueue(ctx, encryption.New(client, keys), WelcomeEmail{…})
//	worker.Queue{…, Middleware: []tasks.Middleware{encryption.Middleware(keys, encryption.Config{})}}
//
// It owns the form of encrypted payloads and texts (docs/wire.md) and the keys. The cryptography is
// Tink's: authenticated encryption with a set of keys, of which one, the primary, encrypts and each
// decrypts. The routing key and the ID of the task are bound to each ciphertext, so that it opens
// nowhere else. What belongs to a task, such as the texts of its errors, is encrypted with the task's
// own key: whoever could encrypt the task can read it.
//
// It does not know how tasks travel, and no log, error or message of it tells a key or a plaintext.
package encryption
