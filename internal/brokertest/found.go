package brokertest

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const defaultURL = "amqp://guest:guest@127.0.0.1:5672/"

// Named says whether the environment names a broker, in WARREN_URL or AMQP_URL.
func Named() bool { return os.Getenv("WARREN_URL") != "" || os.Getenv("AMQP_URL") != "" }

// named returns the broker that the environment names. One that does not answer is a permanent
// error: the user meant that one.
func named(ctx context.Context, getenv func(string) string) (*Broker, error) {
	for _, variable := range []string{"WARREN_URL", "AMQP_URL"} {
		url := getenv(variable)
		if url == "" {
			continue
		}
		b, err := found(ctx, url, variable+" "+redacted(url))
		if err != nil {
			return nil, permanentError{fmt.Errorf("%s %s does not answer: %w", variable, redacted(url), err)}
		}
		return b, nil
	}
	return nil, errors.New("neither is set")
}

// listening returns the broker that answers at an address.
func listening(ctx context.Context, url string) (*Broker, error) {
	return found(ctx, url, "already running at "+redacted(url))
}

// found returns the broker at an address if it answers, with its management API if that is where
// it should be.
func found(ctx context.Context, url, source string) (*Broker, error) {
	version, err := handshake(ctx, url)
	if err != nil {
		return nil, err
	}
	b := &Broker{URL: url, Version: version, Source: fmt.Sprintf("%s (%s)", source, version), Flavour: Found}
	guess, err := guessManagement(url)
	if err != nil {
		return b, nil
	}
	if managementAt(guess).overview(ctx) == nil {
		b.Management, b.Console = guess, withoutCredentials(guess)
	}
	return b, nil
}
