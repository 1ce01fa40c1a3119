package promtest

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answering is a server that answers every question alike.
func answering(t *testing.T, status int, text string) *Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	return &Server{URL: server.URL, client: server.Client()}
}

func TestQueryAnswers(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_500)
	for name, one := range map[string]struct {
		text string
		want []Series
	}{
		"vector": {
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"queue":"email"},"value":[1700000000.5,"7"]}]}}`,
			[]Series{{map[string]string{"queue": "email"}, []Sample{{at, 7}}}},
		},
		"matrix": {
			`{"data":{"resultType":"matrix","result":[{"metric":{},"values":[[1700000000.5,"+Inf"],[1700000001.5,"2"]]}]}}`,
			[]Series{{map[string]string{}, []Sample{{at, math.Inf(1)}, {at.Add(time.Second), 2}}}},
		},
		"scalar": {`{"data":{"resultType":"scalar","result":[1700000000.5,"1.5"]}}`, []Series{{nil, []Sample{{at, 1.5}}}}},
		"empty":  {`{"data":{"resultType":"vector","result":[]}}`, []Series{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := answering(t, http.StatusOK, one.text).Query(t.Context(), "x", at)
			require.NoError(t, err)
			assert.Equal(t, one.want, got)
		})
	}
}

func TestQueryRefused(t *testing.T) {
	s := answering(t, http.StatusBadRequest, `{"status":"error","error":"parse error"}`)
	_, err := s.QueryRange(t.Context(), "sum(", time.Unix(0, 0), time.Unix(9, 0), time.Second)
	require.ErrorIs(t, err, ErrQuery)
	require.ErrorContains(t, err, "parse error")
	for _, text := range []string{`{`, `{"data":{"resultType":"vector","result":[{"value":[1,2]}]}}`, `{"data":{"resultType":"scalar","result":[1,"x"]}}`} {
		_, err := answering(t, http.StatusOK, text).Query(t.Context(), "x", time.Unix(0, 0))
		require.Error(t, err)
	}
}

func TestAlerts(t *testing.T) {
	s := answering(t, http.StatusOK, `{"data":{"alerts":[{"labels":{"alertname":"A"},"annotations":{"summary":"s"},"state":"firing","activeAt":"2026-11-22T20:00:00Z","value":"1e+00"}]}}`)
	alerts, err := s.Alerts(t.Context())
	require.NoError(t, err)
	require.Len(t, alerts, 1)
	assert.Equal(t, Alert{
		Labels: map[string]string{"alertname": "A"}, Annotations: map[string]string{"summary": "s"}, State: "firing",
		ActiveAt: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC),
	}, alerts[0])
}

func TestLookUp(t *testing.T) {
	_, err := lookUp(func(name string) (string, error) { return "", &notThere{name} })
	require.EqualError(t, err, "prometheus is not there\npromtool is not there")
	p, err := lookUp(func(name string) (string, error) { return "/bin/" + name, nil })
	require.NoError(t, err)
	assert.Equal(t, Programs{"/bin/prometheus", "/bin/promtool"}, p)
}

type notThere struct{ name string }

func (e *notThere) Error() string { return e.name + " is not there" }
