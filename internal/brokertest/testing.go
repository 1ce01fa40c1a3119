package brokertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The command internal/brokertest/run hands a broker to the tests with these variables.
const (
	// EnvURL is the AMQP address of the broker that tests share.
	EnvURL = "WARREN_TEST_URL"
	// EnvManagement is the address of its management API.
	EnvManagement = "WARREN_TEST_MANAGEMENT"
	// EnvSource tells how it was had.
	EnvSource = "WARREN_TEST_SOURCE"
	// EnvFlavour is the flavour of the brokers that [Private] starts.
	EnvFlavour = "WARREN_TEST_FLAVOUR"
)

const (
	findTimeout  = 8 * time.Minute
	vhostTimeout = 60 * time.Second
)

// shared is the broker of the whole test process, found at its first use.
var shared struct {
	once   sync.Once
	broker *Broker
	err    error
}

// Main runs a package's tests, closes the shared broker if one was started, fails where goroutines
// are left over, and exits. The options are goleak's. A SIGINT or SIGTERM closes the brokers that
// the tests started before it ends the process.
//
//	func TestMain(m *testing.M) { brokertest.Main(m) }
func Main(m *testing.M, options ...goleak.Option) {
	ignore := closeOnSignal()
	code := m.Run()
	ignore()
	if err := live.closeAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	Exit(code, options...)
}

// Exit ends a test process whose tests and servers have ended with a code, which is 1 where goroutines are
// left over. The options are goleak's.
func Exit(code int, options ...goleak.Option) {
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left over after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Shared returns the broker of the test process: the one that EnvURL names, else what [Find] gives.
// The test fails where none can be had; it is never skipped. The broker must not be stopped: for
// that there is [Private].
func Shared(t testing.TB) *Broker {
	t.Helper()
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), findTimeout)
		defer cancel()
		if shared.broker, shared.err = sharedBroker(ctx); shared.err == nil {
			live.add(shared.broker)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.broker
}

func sharedBroker(ctx context.Context) (*Broker, error) {
	url := os.Getenv(EnvURL)
	if url == "" {
		return Find(ctx, Options{Out: os.Stderr, InMemory: true})
	}
	b, err := found(ctx, url, EnvURL+" "+redacted(url))
	if err != nil {
		return nil, fmt.Errorf("brokertest: %s %s does not answer: %w", EnvURL, redacted(url), err)
	}
	if address := os.Getenv(EnvManagement); address != "" {
		b.Management, b.Console = address, withoutCredentials(address)
	}
	if source := os.Getenv(EnvSource); source != "" {
		b.Source = source
	}
	return b, nil
}

// NewVhost returns a virtual host of the test's own on the shared broker; it is deleted when the
// test ends, which closes the connections left in it.
func NewVhost(t testing.TB) Vhost {
	t.Helper()
	b := Shared(t)
	ctx, cancel := context.WithTimeout(t.Context(), vhostTimeout)
	defer cancel()
	v, err := b.NewVhost(ctx, testName())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), vhostTimeout)
		defer cancel()
		if err := v.Delete(ctx); err != nil {
			t.Error(err)
		}
	})
	return v
}

// testName is a name that nothing else on the broker has.
func testName() string { return "test-" + strings.ToLower(rand.Text()[:16]) }

// Private starts a broker for this test alone, which may be stopped and killed; it is closed when
// the test ends. It is of the flavour that EnvFlavour names, else whichever can be had.
func Private(t testing.TB) *Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), findTimeout)
	defer cancel()
	b, err := privateBroker(ctx, Flavour(os.Getenv(EnvFlavour)), Options{Out: os.Stderr}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	live.add(b)
	t.Cleanup(func() {
		live.drop(b)
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func privateBroker(ctx context.Context, flavour Flavour, opts Options) (*Broker, error) {
	if flavour == "" || flavour == Found {
		sweep(ctx, opts.Out)
		return climb(ctx, opts, startable)
	}
	opts.InMemory = flavour == Node // it may be stopped, and must then remember
	return Start(ctx, flavour, opts)
}
