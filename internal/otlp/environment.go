package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrInvalid is a variable of the environment that cannot be obeyed, for errors.Is.
var ErrInvalid = errors.New("invalid environment for OpenTelemetry")

// The defaults of the specification.
const (
	defaultEndpoint = "http://localhost:4318"
	tracesPath      = "/v1/traces"
	defaultTimeout  = 10 * time.Second
)

// settings are where spans go, and how.
type settings struct {
	endpoint *url.URL
	header   http.Header
	timeout  time.Duration // of one request
	gzip     bool
	tls      *tls.Config // nil: the system's
}

// environment reads variables as the specification says: one that is empty is not set.
type environment func(name string) (string, bool)

func (e environment) get(name string) string {
	value, _ := e(name)
	return strings.TrimSpace(value)
}

// exporter returns a setting of the exporter, the one for traces before the one for all signals, and the
// name of the variable that has it.
func (e environment) exporter(setting string) (value, name string) {
	for _, name := range [...]string{"OTEL_EXPORTER_OTLP_TRACES_" + setting, "OTEL_EXPORTER_OTLP_" + setting} {
		if value := e.get(name); value != "" {
			return value, name
		}
	}
	return "", ""
}

// wanted reports whether spans are to go to a collector: where OTEL_TRACES_EXPORTER says otlp, or says
// nothing and there is an endpoint.
func (e environment) wanted() (bool, error) {
	if strings.EqualFold(e.get("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := e.get("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		endpoint, _ := e.exporter("ENDPOINT")
		return endpoint != "", nil
	default:
		return false, fmt.Errorf("%w: OTEL_TRACES_EXPORTER: %q is not supported, only otlp and none are", ErrInvalid, exporter)
	}
}

// settings reads where spans go. No error tells what may be a secret.
func (e environment) settings() (settings, error) {
	s := settings{timeout: defaultTimeout}
	for _, read := range [...]struct {
		setting string
		into    func(value string) error
	}{
		{"PROTOCOL", checkProtocol}, {"TIMEOUT", s.readTimeout}, {"COMPRESSION", s.readCompression},
		{"HEADERS", s.readHeaders}, {"CERTIFICATE", s.readCertificate},
	} {
		value, name := e.exporter(read.setting)
		if value == "" {
			continue
		}
		if err := read.into(value); err != nil {
			return s, fmt.Errorf("%w: %s: %w", ErrInvalid, name, err)
		}
	}
	if err := e.readClientCertificate(&s); err != nil {
		return s, err
	}
	if err := e.readEndpoint(&s); err != nil {
		return s, err
	}
	if err := e.checkSampler(); err != nil {
		return s, err
	}
	return s, e.checkNumbers()
}

func checkProtocol(value string) error {
	switch value {
	case "http/protobuf":
		return nil
	case "grpc":
		return errors.New("grpc is not supported, only http/protobuf is: collectors take it on port 4318")
	default:
		return fmt.Errorf("%q is not supported, only http/protobuf is", value)
	}
}

func (s *settings) readTimeout(value string) error {
	millis, err := strconv.ParseUint(value, 10, 31)
	if err != nil || millis == 0 {
		return fmt.Errorf("%q is not a number of milliseconds above 0", value)
	}
	s.timeout = time.Duration(millis) * time.Millisecond
	return nil
}

func (s *settings) readCompression(value string) error {
	if value != "gzip" && value != "none" {
		return fmt.Errorf("%q is neither gzip nor none", value)
	}
	s.gzip = value == "gzip"
	return nil
}

// readHeaders reads name=value pairs with commas between, values percent-encoded, as W3C Baggage has them.
func (s *settings) readHeaders(value string) error {
	s.header = http.Header{}
	for i, pair := range strings.Split(value, ",") {
		name, encoded, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		text, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !found || name == "" || err != nil || strings.ContainsFunc(name, notInName) || strings.ContainsFunc(text, notInValue) {
			return fmt.Errorf("pair %d is not NAME=VALUE, percent-encoded", i+1)
		}
		s.header.Set(name, text)
	}
	return nil
}

// notInName and notInValue report what net/http would refuse in each request.
func notInName(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
}

func notInValue(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (s *settings) readCertificate(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: it holds no certificate in PEM", file)
	}
	return nil
}

func (e environment) readClientCertificate(s *settings) error {
	cert, certName := e.exporter("CLIENT_CERTIFICATE")
	key, keyName := e.exporter("CLIENT_KEY")
	if cert == "" && key == "" {
		return nil
	}
	name := cmp.Or(certName, keyName)
	if cert == "" || key == "" {
		return fmt.Errorf("%w: %s: a certificate and its key are set together", ErrInvalid, name)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, name, err)
	}
	if s.tls == nil {
		s.tls = &tls.Config{}
	}
	s.tls.Certificates = []tls.Certificate{pair}
	return nil
}

// readEndpoint reads where spans are posted: the traces' own endpoint as it is, that of all signals
// with the path of traces behind it.
func (e environment) readEndpoint(s *settings) error {
	const own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	text, name := e.exporter("ENDPOINT")
	if text == "" {
		text = defaultEndpoint
	}
	endpoint, err := url.Parse(text)
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Hostname() == "" {
		return fmt.Errorf("%w: %s: it is not a URL that begins with http:// or https:// and names a host", ErrInvalid, name)
	}
	if name != own {
		endpoint = endpoint.JoinPath(tracesPath)
	} else if endpoint.Path == "" {
		endpoint.Path = "/"
	}
	s.endpoint = endpoint
	return nil
}

// numbers are the variables that the SDK reads as numbers, and how small and large they may be. The SDK
// ignores a text without a word, panics over a queue of a size below 0, and exports without a pause where
// there is no delay.
var numbers = []struct {
	name     string
	min, max int64
}{
	{"OTEL_BSP_SCHEDULE_DELAY", 1, math.MaxInt32}, // ms, as the next
	{"OTEL_BSP_EXPORT_TIMEOUT", 1, math.MaxInt32},
	{"OTEL_BSP_MAX_QUEUE_SIZE", 1, 1 << 20},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, 1 << 20},
	{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1, math.MaxInt32}, // -1: none, here and below
	{"OTEL_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_EVENT_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_SPAN_LINK_COUNT_LIMIT", -1, math.MaxInt32},
	{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", -1, math.MaxInt32},
}

// checkNumbers checks them as they are: the SDK takes no spaces.
func (e environment) checkNumbers() error {
	for _, number := range numbers {
		text, _ := e(number.name)
		if text == "" {
			continue
		}
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < number.min || n > number.max {
			return fmt.Errorf("%w: %s: %q is not a number within %d..%d", ErrInvalid, number.name, text, number.min, number.max)
		}
	}
	return nil
}

// checkSampler checks what the SDK reads by itself, and else would only note somewhere.
func (e environment) checkSampler() error {
	const name = "OTEL_TRACES_SAMPLER"
	samplers := []string{
		"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
	}
	sampler := strings.ToLower(e.get(name))
	if sampler == "" {
		return nil
	}
	if !slices.Contains(samplers, sampler) {
		return fmt.Errorf("%w: %s: %q is not one of %s", ErrInvalid, name, sampler, strings.Join(samplers, ", "))
	}
	if arg := e.get(name + "_ARG"); arg != "" && strings.HasSuffix(sampler, "traceidratio") {
		if ratio, err := strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return fmt.Errorf("%w: %s_ARG: %q is not within 0..1", ErrInvalid, name, arg)
		}
	}
	return nil
}
