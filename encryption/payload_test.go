package encryption

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/tasks"
)

func TestSealAndOpen(t *testing.T) {
	keys, _ := newKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[^\n]{0,50}`)
		task := tasks.Task{
			Key: rapid.String().Draw(t, "key"), ID: rapid.StringN(1, -1, -1).Draw(t, "id"), Priority: 7,
			ContentType: line.Draw(t, "type"), ContentEncoding: line.Draw(t, "encoding"),
			Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"), Headers: map[string]any{"tenant": "acme"},
		}
		sealed, err := keys.Seal(task)
		require.NoError(t, err)
		assert.Equal(t, keys.Primary(), sealed.KeyID)
		assert.Equal(t, ContentType, sealed.ContentType)
		assert.Empty(t, sealed.ContentEncoding)
		assert.Empty(t, task.KeyID, "the task that was passed is not changed")

		opened, err := keys.Open(&sealed)
		require.NoError(t, err)
		if task.ContentType == "" {
			task.ContentType = tasks.DefaultContentType
		}
		if len(task.Payload) == 0 {
			task.Payload, opened.Payload = nil, nil
		}
		assert.Equal(t, task, opened)
		assert.Equal(t, keys.Primary(), sealed.KeyID)
	})
}

func TestSealGivesAnID(t *testing.T) {
	keys, _ := newKeys(t)
	sealed, err := keys.Seal(tasks.Task{Key: "a"})
	require.NoError(t, err)
	_, isUUIDv7 := tasks.IDTime(sealed.ID)
	assert.True(t, isUUIDv7)
}

func TestSealRefuses(t *testing.T) {
	keys, _ := newKeys(t)
	for says, task := range map[string]tasks.Task{
		`key id: "7" is given`:             {Key: "a", KeyID: "7"},
		"content type: it has a line feed": {Key: "a", ContentType: "text/plain\n"},
		"content encoding: 256 bytes":      {Key: "a", ContentEncoding: strings.Repeat("x", 256)},
	} {
		_, err := keys.Seal(task)
		require.ErrorIs(t, err, tasks.ErrInvalidTask)
		assert.ErrorContains(t, err, says)
	}
}

func TestOpenRefuses(t *testing.T) {
	keys, data := newKeys(t)
	rotated, err := RotateKeyset(data)
	require.NoError(t, err)
	both, err := ParseKeyset(rotated)
	require.NoError(t, err)
	sealed, err := keys.Seal(tasks.Task{Key: "email.welcome", ID: "7", Payload: []byte(`{"user":7}`)})
	require.NoError(t, err)
	for name, change := range map[string]func(*tasks.Task){
		"another key":        func(t *tasks.Task) { t.Key = "email.goodbye" },
		"another ID":         func(t *tasks.Task) { t.ID = "8" },
		"no ID":              func(t *tasks.Task) { t.ID = "" },
		"another key's name": func(t *tasks.Task) { t.KeyID = both.Primary() },
		"an unknown key":     func(t *tasks.Task) { t.KeyID = "12345" },
		"no key":             func(t *tasks.Task) { t.KeyID = "" },
		"a changed byte": func(t *tasks.Task) {
			t.Payload = append([]byte(nil), t.Payload...)
			t.Payload[len(t.Payload)/2] ^= 1
		},
		"a byte less":   func(t *tasks.Task) { t.Payload = t.Payload[:len(t.Payload)-1] },
		"nothing":       func(t *tasks.Task) { t.Payload = nil },
		"no ciphertext": func(t *tasks.Task) { t.Payload = []byte(`{"user":7}`) },
	} {
		t.Run(name, func(t *testing.T) {
			task := sealed
			change(&task)
			opened, err := both.Open(&task)
			require.ErrorIs(t, err, tasks.ErrUndecryptable)
			assert.Zero(t, opened)
		})
	}
}

// What opens must begin with its two lines.
func TestOpenRefusesAPlaintextWithoutItsLines(t *testing.T) {
	keys, _ := newKeys(t)
	for _, plain := range []string{"", `{"user":7}`, "application/json\n{}"} {
		sealed, err := keys.keys[keys.primary].aead.Encrypt([]byte(plain), associated(purposePayload, "a", "7"))
		require.NoError(t, err)
		_, err = keys.Open(&tasks.Task{Key: "a", ID: "7", KeyID: keys.primary, Payload: sealed})
		require.ErrorIs(t, err, tasks.ErrUndecryptable)
	}
}

func FuzzOpen(f *testing.F) {
	keys, _ := newKeys(f)
	sealed, err := keys.Seal(tasks.Task{Key: "a", ID: "7", Payload: []byte("x")})
	require.NoError(f, err)
	f.Add("a", "7", sealed.KeyID, sealed.Payload, "#1: sealed:AAAA")
	f.Add("", "", "", []byte(nil), "sealed:")
	f.Fuzz(func(t *testing.T, routingKey, id, keyID string, payload []byte, text string) {
		task := tasks.Task{Key: routingKey, ID: id, KeyID: keyID, Payload: payload, Errors: []string{text}}
		opened, err := keys.Open(&task)
		if err != nil {
			assert.ErrorIs(t, err, tasks.ErrUndecryptable)
		} else {
			assert.Empty(t, opened.KeyID)
		}
		assert.Equal(t, text, keys.OpenError(&task, text), "nobody without the key makes a text that opens")
	})
}
