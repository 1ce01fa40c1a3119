package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// keyPair writes a certificate that signs itself, and its key.
func keyPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return writePEM(t, "cert.pem", "CERTIFICATE", der), writePEM(t, "key.pem", "PRIVATE KEY", keyDER)
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

func TestTLSLoad(t *testing.T) {
	cert, key := keyPair(t)

	none, err := TLS{}.Load("broker.tls")
	require.NoError(t, err)
	assert.Nil(t, none)

	full, err := TLS{CA: cert, Cert: cert, Key: key}.Load("broker.tls")
	require.NoError(t, err)
	assert.NotNil(t, full.RootCAs)
	assert.Len(t, full.Certificates, 1)
	assert.Equal(t, uint16(tls.VersionTLS12), full.MinVersion)

	only, err := TLS{CA: cert}.Load("broker.tls")
	require.NoError(t, err)
	assert.Empty(t, only.Certificates)

	for says, files := range map[string]TLS{
		"broker.tls.ca: " + key + ": no certificate in PEM":    {CA: key},
		"broker.tls.ca: open " + cert + ".old: ":               {CA: cert + ".old"},
		"broker.tls.cert: " + cert + " and " + cert + ": tls:": {Cert: cert, Key: cert},
		"broker.tls.cert: cert and key belong together":        {Key: key},
	} {
		_, err := files.Load("broker.tls")
		require.ErrorIs(t, err, ErrInvalid)
		assert.ErrorContains(t, err, says)
	}
	_, err = TLS{CA: cert + ".old"}.Load("queues.email.handlers.#.http.tls")
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "queues.email.handlers.#.http.tls.ca: open ")
}
