package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/warrenmq/warren/routing"
)

// Broker is where RabbitMQ is.
type Broker struct {
	// URLs are the nodes, amqp:// or amqps://, tried in turn. None: the client's default.
	URLs []string
	// Management is the URL of the management API, http:// or https://. Empty: it is not asked.
	Management string
	TLS        TLS
	// Prefix begins the internal names. Defaults to routing.DefaultPrefix.
	Prefix string
}

// broker reads the section of the broker.
func (v value) broker(to *Broker) {
	v.fields(map[string]func(value){
		"urls": func(v value) {
			if _, _, overridden := v.in.environmentURL(); overridden {
				return // its variables need not even be set
			}
			v.list(func(v value) {
				var text string
				if v.url(&text, "amqp", "amqps") {
					to.URLs = append(to.URLs, text)
				}
			})
		},
		"management": func(v value) { v.url(&to.Management, "http", "https") },
		"tls":        func(v value) { v.tls(&to.TLS) },
		"prefix": func(v value) {
			var text string
			if !v.text(&text) {
				return
			}
			if err := routing.ValidatePrefix(text); err != nil {
				v.failWith(err)
				return
			}
			to.Prefix = text
		},
	})
}

// environmentURL returns the URL by which the environment overrides broker.urls, and the variable
// that holds it.
func (r *reading) environmentURL() (name, url string, ok bool) {
	for _, name := range []string{EnvURL, EnvFallbackURL} {
		if url, _ := r.getenv(name); url != "" {
			return name, url, true
		}
	}
	return "", "", false
}

func (r *reading) overrideURLs(to *Broker) {
	name, text, ok := r.environmentURL()
	if !ok {
		return
	}
	if err := checkURL(text, "amqp", "amqps"); err != nil {
		r.problems = append(r.problems, &FieldError{File: name, err: err})
	}
	to.URLs = []string{text}
}

// url reads a URL with one of two schemes.
func (v value) url(to *string, schemes ...string) bool {
	var text string
	if !v.text(&text) {
		return false
	}
	if err := checkURL(text, schemes...); err != nil {
		v.failWith(err)
		return false
	}
	*to = text
	return true
}

// checkURL checks a URL. Its errors show nothing of it: it may hold a password.
func checkURL(text string, schemes ...string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("it is not a URL")
	}
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Errorf("it is not a URL of the scheme %s", strings.Join(schemes, " or "))
	}
	if u.Hostname() == "" {
		return errors.New("it is a URL without a host")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("its port is not within 1..65535")
		}
	}
	return nil
}
