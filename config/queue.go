package config

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// The defaults and bounds of a queue.
const (
	DefaultConcurrency = 10
	MaxConcurrency     = 10_000
	MaxPrefetch        = 65_535
	// MinTimeout is the shortest timeout, and the shortest delay of a retry.
	MinTimeout = time.Millisecond
	// MinRate and MaxRate bound the tasks a second of a rate limit: from one in some three hours.
	MinRate = 0.0001
	MaxRate = 100_000
)

// Queue is one queue and how it is worked on.
type Queue struct {
	Name string
	// Routes are the patterns that it is bound with, in the order of the file.
	Routes []routing.Pattern
	// Handlers are in the order of the file; no two have one pattern. None where the handlers are a
	// Go program's own.
	Handlers []Handler
	// Concurrency is how many tasks run at a time, 1..MaxConcurrency. Defaults to
	// DefaultConcurrency.
	Concurrency int
	// Timeout is how long a task may run, MinTimeout..tasks.MaxTimeout. Defaults to
	// tasks.DefaultTimeout.
	Timeout time.Duration
	// Prefetch is how many deliveries a worker holds, Concurrency..MaxPrefetch; 0, in the file auto,
	// has the worker adapt it to how long tasks take. Defaults to 0.
	Prefetch int
	// RateLimit is how often a worker starts a task. Defaults to the zero value: no limit.
	RateLimit RateLimit
	// Type defaults to routing.Auto.
	Type routing.QueueType
	// Retry has its defaults filled in; jitter: 0 in the file is tasks.NoJitter.
	Retry tasks.RetryPolicy
}

// RateLimit is a rate of starts, with bursts. The zero value is none.
type RateLimit struct {
	// PerSecond is how many tasks a second are started in the long run, MinRate..MaxRate.
	PerSecond float64
	// Burst is how many may be started at once after a pause, 1..MaxRate. Defaults to PerSecond,
	// rounded up.
	Burst int
}

// queue reads the section of one queue. Its name is checked later.
func (v value) queue(name string) Queue {
	q := Queue{
		Name: name, Concurrency: DefaultConcurrency, Timeout: tasks.DefaultTimeout, Type: routing.Auto,
		Retry: tasks.RetryPolicy{}.WithDefaults(),
	}
	prefetch := v
	v.fields(map[string]func(value){
		"routes":      func(v value) { v.list(func(v value) { v.route(&q.Routes) }) },
		"concurrency": func(v value) { v.integer(&q.Concurrency, 1, MaxConcurrency) },
		"timeout":     func(v value) { v.duration(&q.Timeout, MinTimeout, tasks.MaxTimeout) },
		"prefetch":    func(v value) { prefetch = v; v.prefetch(&q.Prefetch) },
		"rate_limit":  func(v value) { v.rateLimit(&q.RateLimit) },
		"type":        func(v value) { v.queueType(&q.Type) },
		"retry":       func(v value) { v.retry(&q.Retry) },
		"handlers": func(v value) {
			v.entries(func(pattern string, v value) { q.Handlers = append(q.Handlers, v.handler(pattern)) })
		},
	})
	if q.Prefetch != 0 && q.Prefetch < q.Concurrency {
		prefetch.fail("%d is not within concurrency (%d)..%d", q.Prefetch, q.Concurrency, MaxPrefetch)
	}
	return q
}

// route reads one pattern.
func (v value) route(to *[]routing.Pattern) {
	var text string
	if !v.text(&text) {
		return
	}
	p, err := routing.ParsePattern(text)
	switch {
	case err != nil:
		v.failWith(err)
	case slices.ContainsFunc(*to, func(other routing.Pattern) bool { return other.String() == text }):
		v.failWith(fmt.Errorf("route %q: %w", text, routing.ErrDuplicate))
	default:
		*to = append(*to, p)
	}
}

// prefetch reads auto or a number.
func (v value) prefetch(to *int) {
	wanted := fmt.Sprintf("auto or a whole number within 1..%d", MaxPrefetch)
	s, ok := v.scalar(wanted)
	switch {
	case !ok || s.text == "auto":
	case s.tag == "!!int":
		v.integer(to, 1, MaxPrefetch)
	default:
		v.fail("%s is wanted, not %s", wanted, describe(s))
	}
}

func (v value) rateLimit(to *RateLimit) {
	var limit RateLimit
	given := false
	mapping := v.fields(map[string]func(value){
		"per_second": func(v value) { given = true; v.number(&limit.PerSecond, MinRate, MaxRate) },
		"burst":      func(v value) { v.integer(&limit.Burst, 1, MaxRate) },
	})
	if mapping && !given {
		v.fail("per_second is missing")
	}
	if limit.Burst == 0 {
		limit.Burst = int(math.Ceil(limit.PerSecond))
	}
	*to = limit
}

func (v value) queueType(to *routing.QueueType) {
	var text string
	if !v.text(&text) {
		return
	}
	switch t := routing.QueueType(text); t {
	case routing.Auto, routing.Quorum, routing.Classic:
		*to = t
	default:
		v.fail("%.40q is none of auto, quorum, classic", text)
	}
}

func (v value) retry(to *tasks.RetryPolicy) {
	var p tasks.RetryPolicy
	factor := v
	v.fields(map[string]func(value){
		"max_attempts": func(v value) { v.integer(&p.MaxAttempts, 1, tasks.MaxMaxAttempts) },
		"backoff":      func(v value) { v.backoff(&p.Backoff) },
		"initial":      func(v value) { v.duration(&p.Initial, MinTimeout, routing.MaxDelay) },
		"max":          func(v value) { v.duration(&p.Max, MinTimeout, routing.MaxDelay) },
		"factor":       func(v value) { factor = v; v.number(&p.Factor, 1, 100) },
		"jitter": func(v value) {
			if v.number(&p.Jitter, 0, 1) && p.Jitter == 0 {
				p.Jitter = tasks.NoJitter
			}
		},
	})
	p = p.WithDefaults()
	if p.Backoff != tasks.Exponential && p.Factor != 0 {
		factor.fail("backoff is %s: only %s has a factor", p.Backoff, tasks.Exponential)
		return
	}
	if err := p.Validate(); err != nil { // max below initial
		v.failWith(err)
		return
	}
	*to = p
}

func (v value) backoff(to *tasks.Backoff) {
	var text string
	if !v.text(&text) {
		return
	}
	if err := to.UnmarshalText([]byte(text)); err != nil {
		v.failWith(err)
	}
}
