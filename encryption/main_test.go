package encryption

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newKeys returns a key set and its file.
func newKeys(t testing.TB) (*Keyset, []byte) {
	t.Helper()
	data, err := GenerateKeyset()
	require.NoError(t, err)
	keys, err := ParseKeyset(data)
	require.NoError(t, err)
	return keys, data
}
