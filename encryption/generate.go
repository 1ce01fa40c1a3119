package encryption

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// template is the type of new keys. Its nonces are long enough to be random for any number of tasks,
// where those of AES-GCM are not beyond 2^32.
func template() *tinkpb.KeyTemplate { return aead.XChaCha20Poly1305KeyTemplate() }

// GenerateKeyset returns a new key set with one key, XChaCha20-Poly1305, in Tink's JSON form. It is
// in clear: whoever can read it can decrypt.
func GenerateKeyset() ([]byte, error) {
	handle, err := keyset.NewHandle(template())
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return marshal(handle)
}

// RotateKeyset returns a key set with a new key of the same type as GenerateKeyset's, which is the
// primary one; the others go on to decrypt. A set that cannot be used is [ErrInvalidKeyset].
func RotateKeyset(data []byte) ([]byte, error) {
	if _, err := ParseKeyset(data); err != nil {
		return nil, err
	}
	handle, err := readHandle(data)
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(template())
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("make key %s the primary one: %w", keyID(id), err)
	}
	handle, err = manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("add key %s: %w", keyID(id), err)
	}
	return marshal(handle)
}

func marshal(handle *keyset.Handle) ([]byte, error) {
	var raw, out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&raw)); err != nil {
		return nil, fmt.Errorf("write the key set: %w", err)
	}
	if err := json.Indent(&out, raw.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("write the key set: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
