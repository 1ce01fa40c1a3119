package broker

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secureBroker plays a broker over TLS to one connection after the other. It returns its address and
// its certificate.
func secureBroker(t *testing.T, content []byte) (address string, certificate *x509.Certificate) {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	defer borrowed.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: borrowed.TLS.Certificates, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serveLibrary(conn, content) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		serving.Wait()
	})
	return listener.Addr().String(), borrowed.Certificate()
}

func TestDialOverTLS(t *testing.T) {
	t.Parallel()
	header := contentOf(flagHeaders|0x0080, long(entry("a", nested(36))), short("id"))
	address, certificate := secureBroker(t, deliverOf(1, header))
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), 0o600))
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for name, c := range map[string]struct {
		config *tls.Config
		query  string
		want   string
	}{
		"configured":          {config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		"named by the URL":    {query: "?cacertfile=" + file},
		"another name":        {config: &tls.Config{RootCAs: roots, ServerName: "rabbit.example", MinVersion: tls.VersionTLS12}, want: "rabbit.example"},
		"another name's URL":  {query: "?server_name_indication=rabbit.example&cacertfile=" + file, want: "rabbit.example"},
		"nobody vouches":      {want: "certificate"},
		"no such file":        {query: "?cacertfile=" + file + "x", want: "no such file"},
		"nothing in the file": {query: "?cacertfile=" + empty, want: "no certificate"},
		"no such key":         {query: "?certfile=" + file + "&keyfile=" + empty, want: "tls"},
	} {
		cfg := Config{TLS: c.config, DialTimeout: 10 * time.Second}
		conn, err := dial(t.Context(), &cfg, "amqps://u:s3cret@"+address+"/"+c.query, "test", true)
		if c.want != "" {
			require.ErrorContains(t, err, c.want, name)
			assert.NotContains(t, err.Error(), "s3cret")
			continue
		}
		require.NoError(t, err, name)
		channel, err := conn.Channel()
		require.NoError(t, err, name)
		deliveries, err := channel.Consume("q", "c", false, false, false, false, nil)
		require.NoError(t, err, name)
		d := <-deliveries
		m, unreadable := received(&d)
		assert.Equal(t, "id", m.MessageID, name)
		assert.ErrorIs(t, unreadable, ErrUnreadable, name)
		conn.shut()
	}
	assert.Empty(t, func() string { // the caller's configuration is not written to
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		_, err := dial(t.Context(), &Config{TLS: config, DialTimeout: time.Second}, "amqps://"+address, "test", false)
		assert.Error(t, err)
		return config.ServerName
	}())
}
