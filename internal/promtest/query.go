package promtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	askTimeout     = 10 * time.Second
	maxAnswerBytes = 64 << 20
)

// ErrQuery is a question that the server has refused, such as an expression that does not parse; what
// wraps it says why.
var ErrQuery = errors.New("the server refuses the query")

// Alert is an alert that is pending or fires.
type Alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	// State is "pending" or "firing".
	State string `json:"state"`
	// ActiveAt is when its condition began to hold.
	ActiveAt time.Time `json:"activeAt"`
}

// Series are the samples of one set of labels: one sample of an instant query, any number of a range query.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Sample is a value at a time; it may be NaN or infinite.
type Sample struct {
	At    time.Time
	Value float64
}

// Alerts returns the alerts that are pending or fire.
func (s *Server) Alerts(ctx context.Context) ([]Alert, error) {
	var data struct {
		Alerts []Alert `json:"alerts"`
	}
	return data.Alerts, s.ask(ctx, "/api/v1/alerts", nil, &data)
}

// Query evaluates an expression at a time. A scalar is a series without labels.
func (s *Server) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	return s.series(ctx, "/api/v1/query", url.Values{"query": {expr}, "time": {unix(at)}})
}

// QueryRange evaluates an expression at every step between two times.
func (s *Server) QueryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]Series, error) {
	return s.series(ctx, "/api/v1/query_range", url.Values{
		"query": {expr}, "start": {unix(from)}, "end": {unix(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func unix(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }

func (s *Server) series(ctx context.Context, path string, values url.Values) ([]Series, error) {
	var data struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := s.ask(ctx, path, values, &data); err != nil {
		return nil, err
	}
	if data.ResultType == "scalar" {
		var one wireSample
		if err := json.Unmarshal(data.Result, &one); err != nil {
			return nil, fmt.Errorf("promtest: %s: %w", path, err)
		}
		return []Series{{Samples: []Sample{Sample(one)}}}, nil
	}
	var rows []struct {
		Metric map[string]string `json:"metric"`
		Value  *wireSample       `json:"value"`
		Values []wireSample      `json:"values"`
	}
	if err := json.Unmarshal(data.Result, &rows); err != nil {
		return nil, fmt.Errorf("promtest: %s: %w", path, err)
	}
	all := make([]Series, 0, len(rows))
	for _, row := range rows {
		one := Series{Labels: row.Metric}
		if row.Value != nil {
			one.Samples = append(one.Samples, Sample(*row.Value))
		}
		for _, sample := range row.Values {
			one.Samples = append(one.Samples, Sample(sample))
		}
		all = append(all, one)
	}
	return all, nil
}

// wireSample is [seconds, "value"].
type wireSample Sample

func (w *wireSample) UnmarshalJSON(text []byte) error {
	var seconds float64
	var value string
	if err := json.Unmarshal(text, &[]any{&seconds, &value}); err != nil {
		return err
	}
	number, err := strconv.ParseFloat(value, 64)
	*w = wireSample{At: time.UnixMilli(int64(seconds * 1000)), Value: number}
	return err
}

// ask asks the API and decodes the data of its answer.
func (s *Server) ask(ctx context.Context, path string, values url.Values, data any) error {
	target := path
	if values != nil {
		target += "?" + values.Encode()
	}
	text, err := s.get(ctx, target)
	if err != nil {
		return fmt.Errorf("promtest: %s: %w", path, err)
	}
	answer := struct {
		Data any `json:"data"`
	}{data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("promtest: %s: %w", path, err)
	}
	return nil
}

// get returns the body of an answer. One that is not 200 is an error that holds what it says.
func (s *Server) get(ctx context.Context, target string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+target, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s: %s", ErrQuery, resp.Status, text)
	}
	return text, nil
}
