package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/warrenmq/warren/internal/brokertest"
)

// suite runs one command on one broker, or on each that can be had.
type suite struct {
	command  []string
	each     bool
	required []string // version prefixes
	signals  <-chan os.Signal
	out      io.Writer

	named bool // the environment names the broker
	find  func(context.Context) (*brokertest.Broker, error)
	start func(context.Context, brokertest.Flavour) (*brokertest.Broker, error)

	results []result
}

// result is how the command went on one broker.
type result struct {
	broker *brokertest.Broker
	code   int
	took   time.Duration
}

// run runs everything and returns the exit code.
func (s *suite) run(ctx context.Context) int {
	err := s.runAll(ctx)
	if len(s.results) > 1 {
		fmt.Fprintln(s.out, "== summary ==")
		for _, r := range s.results {
			fmt.Fprintln(s.out, r)
		}
	}
	code := 0
	for _, r := range s.results {
		if code == 0 {
			code = r.code
		}
	}
	if err != nil {
		fmt.Fprintln(s.out, err)
		code = failing(code)
	}
	if missing := s.missing(); len(missing) > 0 && ctx.Err() == nil {
		fmt.Fprintf(s.out, "run: required but not to be had here: RabbitMQ %s\n", strings.Join(missing, ", "))
		code = failing(code)
	}
	return code
}

// failing is the exit code of a run that failed besides its commands.
func failing(code int) int { return max(code, 1) }

// runAll runs the command on the brokers, one after the other. Its error says that there was no
// broker, or that one could not be removed.
func (s *suite) runAll(ctx context.Context) error {
	if s.each && !s.named {
		for _, flavour := range []brokertest.Flavour{brokertest.Node, brokertest.Container} {
			b, err := s.start(ctx, flavour)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				fmt.Fprintln(s.out, err)
				continue
			}
			if err := s.runOn(ctx, b); err != nil {
				return err
			}
		}
		if len(s.results) > 0 {
			return nil
		}
	}
	b, err := s.find(ctx)
	if err != nil {
		return err
	}
	return s.runOn(ctx, b)
}

// runOn runs the command on one broker and closes it.
func (s *suite) runOn(ctx context.Context, b *brokertest.Broker) error {
	fmt.Fprintf(s.out, "== RabbitMQ %s: %s ==\n", b.Version, b.Source)
	began := time.Now()
	code, err := execute(ctx, s.command, environment(b), s.signals)
	if err != nil {
		fmt.Fprintln(s.out, "run:", err)
	}
	s.results = append(s.results, result{broker: b, code: code, took: time.Since(began)})
	if err := b.Close(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// missing returns the required versions that no broker had.
func (s *suite) missing() []string {
	var missing []string
	for _, prefix := range s.required {
		had := false
		for _, r := range s.results {
			had = had || hasVersion(r.broker.Version, prefix)
		}
		if !had {
			missing = append(missing, prefix)
		}
	}
	return missing
}

// hasVersion says whether a version is a prefix's: "3.10.8" is of "3.10" and not of "3.1".
func hasVersion(version, prefix string) bool {
	return version == prefix || strings.HasPrefix(version, prefix+".")
}

func (r result) String() string {
	outcome := "ok"
	if r.code != 0 {
		outcome = fmt.Sprintf("failed, exit code %d", r.code)
	}
	return fmt.Sprintf("RabbitMQ %s (%s): %s after %s", r.broker.Version, r.broker.Flavour, outcome, r.took.Round(100*time.Millisecond))
}

// environment is ours and the broker's.
func environment(b *brokertest.Broker) []string {
	flavour := b.Flavour
	if flavour == brokertest.Found {
		flavour = "" // whichever can be had
	}
	return append(os.Environ(),
		brokertest.EnvURL+"="+b.URL,
		brokertest.EnvManagement+"="+b.Management,
		brokertest.EnvSource+"="+b.Source,
		brokertest.EnvFlavour+"="+string(flavour),
	)
}
