package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// answerWithin is how long a process, or RabbitMQ's management API, may take to answer.
const answerWithin = 5 * time.Second

// maxAnswerBytes bounds an answer: there are some fifty queues.
const maxAnswerBytes = 4 << 20

var errAnswer = errors.New("unexpected answer")

// ask returns what stands at an address, which may hold an account.
func ask(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) { // its text has the account
			err = wrapped.Err
		}
		return nil, fmt.Errorf("ask %s: %w", request.URL.Redacted(), err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %s", errAnswer, answer.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", request.URL.Redacted(), err)
	}
	return body, nil
}

// parseMetrics returns the metrics of a text of Prometheus's by name and labels, and those of one
// name added up.
func parseMetrics(text []byte) (map[string]float64, error) {
	sums := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ') // no time stands behind it
		if at < 0 {
			return nil, fmt.Errorf("%w: %.80q is no metric", errAnswer, line)
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %.80q is no metric", errAnswer, line)
		}
		name, _, labelled := strings.Cut(line[:at], "{")
		if sums[name] += value; labelled {
			sums[line[:at]] = value
		}
	}
	return sums, lines.Err()
}

// scrape asks a process for its metrics.
func scrape(ctx context.Context, listen string) (map[string]float64, error) {
	text, err := ask(ctx, "http://"+listen+"/metrics")
	if err != nil {
		return nil, err
	}
	return parseMetrics(text)
}

// The measures of RabbitMQ: its memory is told, and not judged, since it is not ours.
const (
	brokerName    = "RabbitMQ"
	brokerMemory  = "memory MiB"
	brokerBacklog = "ready and unacked"
	brokerDelayed = "delayed"
)

// askBroker asks the management API for the memory of the node, and what lies in the work queue and the ladder.
func askBroker(ctx context.Context, management, ladder string) (map[string]float64, error) {
	var nodes []struct {
		Memory float64 `json:"mem_used"`
	}
	var queues []struct {
		Name     string  `json:"name"`
		Messages float64 `json:"messages"`
	}
	for path, into := range map[string]any{"/api/nodes?columns=mem_used": &nodes, "/api/queues?columns=name,messages": &queues} {
		text, err := ask(ctx, management+path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errAnswer, path, err)
		}
	}
	told := map[string]float64{}
	for _, n := range nodes {
		told[brokerMemory] += n.Memory / mebibyte
	}
	for _, q := range queues {
		switch {
		case q.Name == queueName:
			told[brokerBacklog] += q.Messages
		case strings.HasPrefix(q.Name, ladder):
			told[brokerDelayed] += q.Messages
		}
	}
	return told, nil
}

// sampler asks everybody again and again.
type sampler struct {
	management, ladder string
	listens            map[string]string // of the processes, by name
	names              []string          // of the processes, in the order of the report
	began              time.Time
	rate               int

	series   []*series
	failures []string // to ask
	last     map[string]map[string]float64
}

// sample asks everybody once. Who does not answer has no point, and is told of in the end.
func (s *sampler) sample(ctx context.Context) {
	at := time.Since(s.began)
	for _, name := range s.names {
		told, err := scrape(ctx, s.listens[name])
		if err != nil {
			s.failures = append(s.failures, fmt.Sprintf("%s after %s: %v", name, at.Round(time.Second), err))
			continue
		}
		s.last[name] = told
		for _, m := range processMeasures {
			s.add(name, m, point{at, told[m.metric] / m.unit})
		}
	}
	told, err := askBroker(ctx, s.management, s.ladder)
	if err != nil {
		s.failures = append(s.failures, fmt.Sprintf("%s after %s: %v", brokerName, at.Round(time.Second), err))
		return
	}
	s.add(brokerName, measure{Name: brokerMemory}, point{at, told[brokerMemory]})
	// A second's tasks are no backlog that grows: the numbers are up to 5 s old, and of one moment.
	s.add(brokerName, measure{Name: brokerBacklog, slack: float64(s.rate)}, point{at, told[brokerBacklog]})
	s.add(brokerName, measure{Name: brokerDelayed, slack: float64(s.rate)}, point{at, told[brokerDelayed]})
}

func (s *sampler) add(of string, m measure, p point) {
	for _, known := range s.series {
		if known.Of == of && known.Measure.Name == m.Name {
			known.Points = append(known.Points, p)
			return
		}
	}
	s.series = append(s.series, &series{Of: of, Measure: m, Points: []point{p}})
}

// run samples until ctx is done or over is closed.
func (s *sampler) run(ctx context.Context, every time.Duration, over <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		s.sample(ctx)
		select {
		case <-ticker.C:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}
