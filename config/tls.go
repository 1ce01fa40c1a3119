package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS names PEM files for amqps:// and https:// URLs: of the broker, and of a web service that is a
// handler.
type TLS struct {
	// CA holds the certificates that the server's must be signed by. Empty: the system's.
	CA string
	// Cert and Key are the client's certificate and its private key, both or neither.
	Cert string
	Key  string
}

// tls reads the names of the files; [TLS.Load] opens them.
func (v value) tls(to *TLS) {
	file := func(to *string) func(value) {
		return func(v value) {
			if v.text(to) && *to == "" {
				v.fail("it is empty")
			}
		}
	}
	v.fields(map[string]func(value){"ca": file(&to.CA), "cert": file(&to.Cert), "key": file(&to.Key)})
	if (to.Cert == "") != (to.Key == "") {
		v.fail("cert and key belong together: one of them is missing")
	}
}

// Load reads the files and returns what to connect with, nil where no file is named. A file that
// cannot be read or holds no certificate is an error that names it, and section, the path of these
// fields such as broker.tls; it is [ErrInvalid].
func (t TLS) Load(section string) (*tls.Config, error) {
	fail := func(field string, err error) error {
		return fmt.Errorf("%w: %s.%s: %w", ErrInvalid, section, field, err)
	}
	if t == (TLS{}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fail("ca", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fail("ca", fmt.Errorf("%s: no certificate in PEM", t.CA))
		}
	}
	if t.Cert != "" || t.Key != "" {
		if t.Cert == "" || t.Key == "" {
			return nil, fail("cert", errors.New("cert and key belong together: one of them is missing"))
		}
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fail("cert", fmt.Errorf("%s and %s: %w", t.Cert, t.Key, err))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
