package handlers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/tasks"
)

// authority is a private certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{certificate, key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issue signs a certificate for a host and a client at once.
func (a *authority) issue(t *testing.T, host string, notAfter time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: notAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveTLS starts a web service and returns its URL and how many connections it has had.
func serveTLS(t *testing.T, config *tls.Config, f http.HandlerFunc) (url string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.EnableHTTP2 = true
	server.TLS = config
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, connections
}

func TestHTTPOverTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	valid := time.Now().Add(time.Hour)
	server := ours.issue(t, "127.0.0.1", valid)
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		anything error // the service's alert comes late, and may be told or not
	)
	for label, test := range map[string]struct {
		server *tls.Config
		client *tls.Config
		is     any // nil for done
		text   string
	}{
		"a private authority": {&tls.Config{Certificates: []tls.Certificate{server}}, &tls.Config{RootCAs: ours.pool()}, nil, ""},
		"the system's authorities": {&tls.Config{Certificates: []tls.Certificate{server}}, nil,
			&unknown, "certificate signed by unknown authority"},
		"another authority": {&tls.Config{Certificates: []tls.Certificate{server}}, &tls.Config{RootCAs: other.pool()},
			&unknown, "certificate signed by unknown authority"},
		"another name": {&tls.Config{Certificates: []tls.Certificate{ours.issue(t, "mail.example", valid)}}, &tls.Config{RootCAs: ours.pool()},
			&name, "127.0.0.1"},
		"expired": {&tls.Config{Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", time.Now().Add(-time.Minute))}}, &tls.Config{RootCAs: ours.pool()},
			&invalid, "certificate has expired"},
		"a client's certificate": {
			&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool()},
			&tls.Config{RootCAs: ours.pool(), Certificates: []tls.Certificate{ours.issue(t, "worker", valid)}}, nil, ""},
		"no client's certificate": {
			&tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool()},
			&tls.Config{RootCAs: ours.pool()}, &anything, "POST https://"},
	} {
		t.Run(label, func(t *testing.T) {
			protocols := make(chan string, 1)
			url, _ := serveTLS(t, test.server, func(_ http.ResponseWriter, r *http.Request) { protocols <- r.Proto })
			err := post(t, HTTPConfig{URL: url, TLS: test.client}).HandleTask(t.Context(), &tasks.Task{Payload: []byte("{}")})
			if test.is == nil {
				require.NoError(t, err)
				assert.Equal(t, "HTTP/2.0", <-protocols)
				return
			}
			require.ErrorAs(t, err, test.is)
			assert.ErrorContains(t, err, test.text)
			assert.Equal(t, retried, kind(err), "certificates get renewed")
			assert.Empty(t, protocols, "nothing was posted")
		})
	}
}

func TestHTTPUsesOneConnectionForTasksInTurn(t *testing.T) {
	ours := newAuthority(t)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", time.Now().Add(time.Hour))}}
			if protocol == "HTTP/1.1" {
				config.NextProtos = []string{"http/1.1"}
			}
			statuses := []int{200, 204, 302, 404, 429, 500, 503}
			url, connections := serveTLS(t, config, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, protocol, r.Proto)
				w.WriteHeader(statuses[r.ContentLength])
			})
			h := post(t, HTTPConfig{URL: url, TLS: &tls.Config{RootCAs: ours.pool()}})
			for range 10 {
				for n := range statuses {
					_ = h.HandleTask(t.Context(), &tasks.Task{Payload: make([]byte, n)})
				}
			}
			assert.EqualValues(t, 1, connections.Load())
		})
	}
}
