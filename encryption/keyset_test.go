package encryption

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/warrenmq/warren/tasks"
)

var keyValue = regexp.MustCompile(`"value": *"([^"]+)"`)

// newKeys returns a key set and its file.
func newKeys(t testing.TB) (*Keyset, []byte) {
	t.Helper()
	data, err := GenerateKeyset()
	require.NoError(t, err)
	keys, err := ParseKeyset(data)
	require.NoError(t, err)
	return keys, data
}

// write returns a key set as a file.
func write(t *testing.T, m *keyset.Manager) []byte {
	t.Helper()
	handle, err := m.Handle()
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)))
	return out.Bytes()
}

func add(t *testing.T, m *keyset.Manager, template *tinkpb.KeyTemplate) uint32 {
	t.Helper()
	id, err := m.Add(template)
	require.NoError(t, err)
	return id
}

func TestLoadKeyset(t *testing.T) {
	keys, data := newKeys(t)
	path := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	for _, source := range []string{path, string(data), "\n " + string(data)} {
		loaded, err := LoadKeyset(source)
		require.NoError(t, err)
		assert.Equal(t, keys.Primary(), loaded.Primary())
	}
	_, err := LoadKeyset(path + ".old")
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("no keys"), 0o600))
	_, err = LoadKeyset(path)
	assert.EqualError(t, err, path+": invalid key set: it is not one of Tink's in JSON, in clear")
}

// The keys may be of any type of Tink's, with or without a prefix of their own.
func TestParseKeysetOfAnyType(t *testing.T) {
	for name, template := range map[string]*tinkpb.KeyTemplate{
		"AES256-GCM": aead.AES256GCMKeyTemplate(), "AES128-GCM-SIV": aead.AES128GCMSIVKeyTemplate(),
		"AES128-CTR-HMAC": aead.AES128CTRHMACSHA256KeyTemplate(), "no prefix": aead.AES256GCMNoPrefixKeyTemplate(),
	} {
		t.Run(name, func(t *testing.T) {
			m := keyset.NewManager()
			require.NoError(t, m.SetPrimary(add(t, m, template)))
			keys, err := ParseKeyset(write(t, m))
			require.NoError(t, err)
			sealed, err := keys.Seal(tasks.Task{Key: "a", Payload: []byte("x")})
			require.NoError(t, err)
			opened, err := keys.Open(&sealed)
			require.NoError(t, err)
			assert.Equal(t, "x", string(opened.Payload))
		})
	}
}

func TestParseKeysetRefuses(t *testing.T) {
	_, data := newKeys(t)
	secret := keyValue.FindSubmatch(data)[1]
	macs := keyset.NewManager()
	require.NoError(t, macs.SetPrimary(add(t, macs, mac.HMACSHA256Tag128KeyTemplate())))
	for name, data := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("keys"), "no keys": []byte("{}"), "another type": write(t, macs),
		"a key in a wrong place": bytes.Replace(data, []byte(`"typeUrl": "`), append([]byte(`"typeUrl": "`), secret...), 1),
		"a broken key":           bytes.Replace(data, []byte(`"value": "`), []byte(`"value": "AAAA`), 1),
		"a key that is cut":      bytes.Replace(data, secret, secret[:len(secret)/2], 1),
		"a key twice as long":    bytes.Replace(data, secret, append(bytes.Clone(secret), secret...), 1),
		"quotes missing":         bytes.Replace(data, []byte(`"`+string(secret)+`"`), secret, 1),
		"another primary":        regexp.MustCompile(`"primaryKeyId": \d+`).ReplaceAll(data, []byte(`"primaryKeyId": 7`)),
		"disabled":               bytes.Replace(data, []byte(`ENABLED`), []byte(`DISABLED`), 1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKeyset(data)
			require.ErrorIs(t, err, ErrInvalidKeyset)
			assert.NotContains(t, err.Error(), string(secret[:20]), "a key is told to nobody")
			_, err = RotateKeyset(data)
			assert.ErrorIs(t, err, ErrInvalidKeyset)
		})
	}
}

func TestRotateKeyset(t *testing.T) {
	old, data := newKeys(t)
	sealed, err := old.Seal(tasks.Task{Key: "a", Payload: []byte("x")})
	require.NoError(t, err)
	rotated, err := RotateKeyset(data)
	require.NoError(t, err)
	assert.True(t, json.Valid(rotated))
	keys, err := ParseKeyset(rotated)
	require.NoError(t, err)
	assert.NotEqual(t, old.Primary(), keys.Primary())
	_, err = keys.Open(&sealed)
	require.NoError(t, err, "the old key still decrypts")

	sealed, err = keys.Seal(tasks.Task{Key: "a", Payload: []byte("x")})
	require.NoError(t, err)
	assert.Equal(t, keys.Primary(), sealed.KeyID)
	_, err = old.Open(&sealed)
	require.ErrorIs(t, err, tasks.ErrUndecryptable)
	assert.Contains(t, err.Error(), keys.Primary())
}

// A key that is disabled decrypts nothing any more.
func TestDisabledKey(t *testing.T) {
	m := keyset.NewManager()
	first := add(t, m, aead.AES256GCMKeyTemplate())
	require.NoError(t, m.SetPrimary(first))
	old, err := ParseKeyset(write(t, m))
	require.NoError(t, err)
	sealed, err := old.Seal(tasks.Task{Key: "a"})
	require.NoError(t, err)
	require.NoError(t, m.SetPrimary(add(t, m, aead.AES256GCMKeyTemplate())))
	require.NoError(t, m.Disable(first))
	keys, err := ParseKeyset(write(t, m))
	require.NoError(t, err)
	_, err = keys.Open(&sealed)
	require.ErrorIs(t, err, tasks.ErrUndecryptable)
}

func TestAssociatedIsUnambiguous(t *testing.T) {
	assert.Equal(t, "warren:payload:13:email.welcome:7", string(associated(purposePayload, "email.welcome", "7")))
	seen := map[string]bool{}
	for _, pair := range [][2]string{{"a", "b:c"}, {"a:b", "c"}, {"", "a:b:c"}, {"1:a", "b"}, {"a:b:c", ""}} {
		seen[string(associated(purposeError, pair[0], pair[1]))] = true
	}
	assert.Len(t, seen, 5)
}

func FuzzParseKeyset(f *testing.F) {
	_, data := newKeys(f)
	f.Add(data)
	f.Add([]byte(strings.Replace(string(data), "TINK", "RAW", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseKeyset(data)
		if err != nil {
			assert.ErrorIs(t, err, ErrInvalidKeyset)
			return
		}
		_, err = keys.Seal(tasks.Task{Key: "a"})
		assert.NoError(t, err)
	})
}
