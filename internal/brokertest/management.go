package brokertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const managementTimeout = 10 * time.Second

// errNotFound says that the management API does not know the thing asked for.
var errNotFound = errors.New("not found")

// management speaks RabbitMQ's management API at an address with credentials. It keeps no
// connection open between requests.
type management string

func managementAt(address string) management { return management(strings.TrimRight(address, "/")) }

// overview asks whether the API answers.
func (m management) overview(ctx context.Context) error {
	return m.do(ctx, http.MethodGet, "/api/overview", nil)
}

// do makes one request. Path segments must be escaped already.
func (m management) do(ctx context.Context, method, path string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, managementTimeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, string(m)+path, payload)
	if err != nil {
		return fmt.Errorf("management API: %s is no address", redacted(string(m)))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("management API: %w", err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case response.StatusCode == http.StatusNotFound:
		return fmt.Errorf("management API: %s %s: %w", method, path, errNotFound)
	case response.StatusCode >= 300:
		return fmt.Errorf("management API: %s %s: %s %.200s", method, path, response.Status, answer)
	}
	return nil
}

// guessManagement returns where the management API of a found broker should be: the same host and
// account, RabbitMQ's default port.
func guessManagement(amqpURL string) (string, error) {
	u, err := url.Parse(amqpURL)
	if err != nil {
		return "", errors.New("not a URL")
	}
	guess := url.URL{Scheme: "http", User: u.User, Host: hostPort(u.Hostname(), 15672)}
	if u.Scheme == "amqps" {
		guess.Scheme, guess.Host = "https", hostPort(u.Hostname(), 15671)
	}
	if guess.User == nil {
		guess.User = url.UserPassword("guest", "guest")
	}
	return guess.String(), nil
}
