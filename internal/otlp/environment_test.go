package otlp

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// of makes an environment of names and values.
func of(pairs ...string) environment {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

const endpoint, ownEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

func TestWhetherTracesAreWanted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  environment
		want bool
	}{
		"nothing set":        {of(), false},
		"set to nothing":     {of(endpoint, "", "OTEL_TRACES_EXPORTER", " "), false},
		"an endpoint":        {of(endpoint, "http://c:4318"), true},
		"the traces' own":    {of(ownEndpoint, "http://c:4318/x"), true},
		"otlp":               {of("OTEL_TRACES_EXPORTER", "otlp"), true},
		"none":               {of("OTEL_TRACES_EXPORTER", "none", endpoint, "http://c:4318"), false},
		"disabled":           {of("OTEL_SDK_DISABLED", "True", endpoint, "http://c:4318"), false},
		"not disabled":       {of("OTEL_SDK_DISABLED", "false", endpoint, "http://c:4318"), true},
		"something else set": {of("OTEL_SERVICE_NAME", "a", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c"), false},
	} {
		got, err := tt.env.wanted()
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, got, name)
	}
}

func TestStartWithoutAnEndpointStartsNothing(t *testing.T) {
	t.Parallel()
	traces, err := Start(of(), "warren", nil)
	require.NoError(t, err)
	require.Nil(t, traces)
	assert.Nil(t, traces.Middleware())
	assert.Nil(t, traces.Before(nil, ""))
	assert.Nil(t, traces.BeforeWaiter(nil, ""))
	traces.Close(t.Context())
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env    environment
		url    string
		header http.Header
		want   settings
	}{
		"the default":         {env: of(), url: "http://localhost:4318/v1/traces"},
		"an endpoint":         {env: of(endpoint, "https://c"), url: "https://c/v1/traces"},
		"with a path":         {env: of(endpoint, "https://c:1/a/"), url: "https://c:1/a/v1/traces"},
		"the traces' own":     {env: of(endpoint, "http://b", ownEndpoint, "https://c:1"), url: "https://c:1/"},
		"with its own path":   {env: of(ownEndpoint, "https://c:1/a"), url: "https://c:1/a"},
		"time and size":       {env: of("OTEL_EXPORTER_OTLP_TIMEOUT", "250", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"), url: "http://localhost:4318/v1/traces", want: settings{timeout: 250 * time.Millisecond, gzip: true}},
		"the right protocol":  {env: of("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"), url: "http://localhost:4318/v1/traces"},
		"headers":             {env: of("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = 1=2"), url: "http://localhost:4318/v1/traces", header: http.Header{"Api-Key": {"a b"}, "X": {"1=2"}}},
		"numbers":             {env: of("OTEL_BSP_MAX_QUEUE_SIZE", "4096", "OTEL_SPAN_LINK_COUNT_LIMIT", "-1"), url: "http://localhost:4318/v1/traces"},
		"a sampler":           {env: of("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG", "0.25"), url: "http://localhost:4318/v1/traces"},
		"no argument for one": {env: of("OTEL_TRACES_SAMPLER", "always_on", "OTEL_TRACES_SAMPLER_ARG", "endpoint=x"), url: "http://localhost:4318/v1/traces"},
	} {
		got, err := tt.env.settings()
		require.NoError(t, err, name)
		assert.Equal(t, tt.url, got.endpoint.String(), name)
		assert.Equal(t, tt.header, got.header, name)
		if tt.want.timeout == 0 {
			tt.want.timeout = 10 * time.Second
		}
		assert.Equal(t, tt.want.timeout, got.timeout, name)
		assert.Equal(t, tt.want.gzip, got.gzip, name)
	}
}

func TestEnvironmentThatCannotBeObeyed(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for name, tt := range map[string]struct {
		env  environment
		says string
	}{
		"exporter":         {of("OTEL_TRACES_EXPORTER", "zipkin"), `OTEL_TRACES_EXPORTER: "zipkin" is not supported, only otlp and none are`},
		"grpc":             {of(endpoint, "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not supported, only http/protobuf is: collectors take it on port 4318"},
		"traces' own grpc": {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"), "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: grpc is not supported"},
		"protocol":         {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), `"http/json" is not supported`},
		"no URL":           {of(endpoint, "c:4318"), endpoint + ": it is not a URL that begins with http:// or https:// and names a host"},
		"no host":          {of(ownEndpoint, "http:///x"), ownEndpoint + ": it is not a URL"},
		"time":             {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_TIMEOUT", "10s"), `OTEL_EXPORTER_OTLP_TIMEOUT: "10s" is not a number of milliseconds above 0`},
		"compression":      {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"), `OTEL_EXPORTER_OTLP_COMPRESSION: "zstd" is neither gzip nor none`},
		"headers":          {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_HEADERS", "a=1,s3cret"), "OTEL_EXPORTER_OTLP_HEADERS: pair 2 is not NAME=VALUE, percent-encoded"},
		"header's name":    {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_HEADERS", "api(key)=s3cret"), "pair 1 is not"},
		"control in value": {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_HEADERS", "a=s3cret%01"), "pair 1 is not"},
		"header's value":   {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_HEADERS", "a=s3cret%0d%0a"), "pair 1 is not"},
		"certificate":      {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_CERTIFICATE", empty), "empty.pem: it holds no certificate in PEM"},
		"no certificate":   {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_CERTIFICATE", empty+"x"), "OTEL_EXPORTER_OTLP_CERTIFICATE: open "},
		"half a pair":      {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_CLIENT_KEY", empty), "OTEL_EXPORTER_OTLP_CLIENT_KEY: a certificate and its key are set together"},
		"a pair":           {of(endpoint, "http://c", "OTEL_EXPORTER_OTLP_CLIENT_KEY", empty, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", empty), "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: tls: "},
		"sampler":          {of(endpoint, "http://c", "OTEL_TRACES_SAMPLER", "some"), `OTEL_TRACES_SAMPLER: "some" is not one of always_on, `},
		"delay":            {of(endpoint, "http://c", "OTEL_BSP_SCHEDULE_DELAY", "0"), `OTEL_BSP_SCHEDULE_DELAY: "0" is not a number within 1..2147483647`},
		"queue's size":     {of(endpoint, "http://c", "OTEL_BSP_MAX_QUEUE_SIZE", "-1"), `OTEL_BSP_MAX_QUEUE_SIZE: "-1" is not a number within 1..1048576`},
		"limit":            {of(endpoint, "http://c", "OTEL_SPAN_LINK_COUNT_LIMIT", "many"), `OTEL_SPAN_LINK_COUNT_LIMIT: "many" is not a number within -1..2147483647`},
		"sampler's ratio":  {of(endpoint, "http://c", "OTEL_TRACES_SAMPLER", "traceidratio", "OTEL_TRACES_SAMPLER_ARG", "25%"), `OTEL_TRACES_SAMPLER_ARG: "25%" is not within 0..1`},
	} {
		traces, err := Start(tt.env, "warren", nil)
		require.ErrorIs(t, err, ErrInvalid, name)
		require.ErrorContains(t, err, tt.says, name)
		assert.NotContains(t, err.Error(), "s3cret", name)
		assert.Nil(t, traces, name)
	}
}
