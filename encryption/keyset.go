package encryption

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrInvalidKeyset is a key set that cannot be used. The error tells nothing of what it holds.
var ErrInvalidKeyset = errors.New("invalid key set")

// Keyset is a set of keys: the primary encrypts, each decrypts what was encrypted with it. It is safe
// for use by any number of goroutines. Make one with [LoadKeyset] or [ParseKeyset].
type Keyset struct {
	primary string
	keys    map[string]key
}

// key is one key of a set.
type key struct {
	aead tink.AEAD
	// overhead is how many bytes a ciphertext has more than its plaintext.
	overhead int
}

// maxPathBytes is how long a file's name may be for errors to tell it. The shortest key set is
// longer, in base64 too.
const maxPathBytes = 120

// LoadKeyset reads the key set from a file or, where the text begins with a brace, from the text
// itself, as a variable of the environment holds it. A file that cannot be read is an error of
// package os; the rest is as for [ParseKeyset].
func LoadKeyset(source string) (*Keyset, error) {
	if strings.HasPrefix(strings.TrimSpace(source), "{") {
		return ParseKeyset([]byte(source))
	}
	if strings.ContainsAny(source, "{}\"\n") || len(source) > maxPathBytes { // its text may be keys
		return nil, fmt.Errorf("%w: neither a file's name nor a key set that begins with a brace", ErrInvalidKeyset)
	}
	data, err := os.ReadFile(source)
	if err != nil {
		return nil, err
	}
	keys, err := ParseKeyset(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return keys, nil
}

// ParseKeyset reads a key set in Tink's JSON form, in clear, as [GenerateKeyset] and Tink's own
// tinkey make it. The keys may be of any AEAD type of Tink's; those that are not enabled are left
// out. One that cannot be used is an error that is [ErrInvalidKeyset].
func ParseKeyset(data []byte) (*Keyset, error) {
	handle, err := readHandle(data)
	if err != nil {
		return nil, err
	}
	info := handle.KeysetInfo()
	keys := &Keyset{primary: keyID(info.GetPrimaryKeyId()), keys: map[string]key{}}
	for _, k := range info.GetKeyInfo() {
		if k.GetStatus() != tinkpb.KeyStatusType_ENABLED {
			continue
		}
		single, err := singleKey(handle, k.GetKeyId())
		if err != nil {
			return nil, err
		}
		keys.keys[keyID(k.GetKeyId())] = single
	}
	if _, enabled := keys.keys[keys.primary]; !enabled {
		return nil, fmt.Errorf("%w: its primary key, %s, is not enabled", ErrInvalidKeyset, keys.primary)
	}
	return keys, nil
}

// readHandle reads a key set. Tink's own errors may quote what they could not read, which may be a
// key: they are not told.
func readHandle(data []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: it is not one of Tink's in JSON, in clear", ErrInvalidKeyset)
	}
	return handle, nil
}

// singleKey returns one key of a set. It is alone, so that what names a key is opened with that key
// or not at all.
func singleKey(handle *keyset.Handle, id uint32) (key, error) {
	unusable := fmt.Errorf("%w: key %s is not of a type that encrypts with associated data (AEAD)", ErrInvalidKeyset, keyID(id))
	manager := keyset.NewManagerFromHandle(handle)
	if err := manager.SetPrimary(id); err != nil {
		return key{}, unusable
	}
	for _, other := range handle.KeysetInfo().GetKeyInfo() {
		if other.GetKeyId() == id {
			continue
		}
		if err := manager.Delete(other.GetKeyId()); err != nil {
			return key{}, unusable
		}
	}
	single, err := manager.Handle()
	if err != nil {
		return key{}, unusable
	}
	primitive, err := aead.New(single)
	if err != nil {
		return key{}, unusable
	}
	empty, err := primitive.Encrypt(nil, nil)
	if err != nil {
		return key{}, unusable
	}
	return key{aead: primitive, overhead: len(empty)}, nil
}

// keyID is a key's ID as warren-key-id tells it.
func keyID(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

// Primary returns the ID of the key that encrypts, in decimal.
func (k *Keyset) Primary() string { return k.primary }

// associated returns the data that a ciphertext is bound to: what it is for, and the routing key and
// the ID of its task. The length makes it unambiguous, whatever the routing key of a foreign task is.
func associated(purpose, routingKey, id string) []byte {
	return fmt.Appendf(nil, "warren:%s:%d:%s:%s", purpose, len(routingKey), routingKey, id)
}

// The purposes of ciphertexts: one of one kind does not pass for one of another.
const (
	purposePayload  = "payload"
	purposeResult   = "result"
	purposeError    = "error"
	purposeProgress = "progress"
)
