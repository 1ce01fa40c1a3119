package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// transport is the connection beneath the library, above TLS where there is TLS.
type transport struct {
	net.Conn
	in     io.Reader     // what is read, filtered or not
	filter *headerFilter // nil where it is not
	failed atomic.Bool   // a read or a write has failed
}

// openTransport does the handshake of TLS where there is a configuration for it. It is bounded by ctx.
func openTransport(ctx context.Context, raw net.Conn, config *tls.Config, filtered bool) (*transport, error) {
	s := &transport{Conn: raw}
	if config != nil {
		client := tls.Client(raw, config)
		if err := client.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		s.Conn = client
	}
	s.in = s.Conn
	if filtered {
		s.filter = newHeaderFilter(s.Conn)
		s.in = s.filter
	}
	return s, nil
}

func (s *transport) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil {
		s.failed.Store(true)
	}
	return n, err
}

func (s *transport) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil {
		s.failed.Store(true)
	}
	return n, err
}

// tlsConfig returns the configuration for a node, nil where its URL is not amqps://. The certificates
// that a URL can name, as it can for the library, count where the client has no configuration.
func tlsConfig(cfg *Config, uri *amqp.URI) (*tls.Config, error) {
	if uri.Scheme != "amqps" {
		return nil, nil
	}
	config := cfg.TLS.Clone()
	if config == nil {
		var err error
		if config, err = uriTLS(uri); err != nil {
			return nil, err
		}
	}
	if config.ServerName == "" {
		config.ServerName = uri.Host
	}
	return config, nil
}

func uriTLS(uri *amqp.URI) (*tls.Config, error) {
	config := &tls.Config{ServerName: uri.ServerName, MinVersion: tls.VersionTLS12}
	if uri.CACertFile != "" {
		pem, err := os.ReadFile(uri.CACertFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", uri.CACertFile)
		}
	}
	if uri.CertFile != "" && uri.KeyFile != "" {
		certificate, err := tls.LoadX509KeyPair(uri.CertFile, uri.KeyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}
