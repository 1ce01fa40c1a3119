package tasks

import (
	"fmt"
	"math"
	"time"

	"github.com/warrenmq/warren/routing"
)

// The defaults of a retry policy.
const (
	DefaultMaxAttempts  = 5
	DefaultRetryInitial = 2 * time.Second
	DefaultRetryMax     = time.Minute
	DefaultRetryFactor  = 2.0
	DefaultRetryJitter  = 0.1
)

// Backoff is how the delays of a retry policy grow.
type Backoff string

// The backoffs.
const (
	// Exponential has the n-th retry wait Initial x Factor^(n-1), at most Max.
	Exponential Backoff = "exponential"
	// Linear has it wait Initial x n, at most Max.
	Linear Backoff = "linear"
	// Fixed has every retry wait Initial.
	Fixed Backoff = "fixed"
)

// UnmarshalText reads the name of a backoff. Another text is [ErrInvalidRetry].
func (b *Backoff) UnmarshalText(text []byte) error {
	named := Backoff(text)
	if !named.known() {
		return fmt.Errorf("%w: backoff: %.40q is none of %s, %s, %s", ErrInvalidRetry, text, Exponential, Linear, Fixed)
	}
	*b = named
	return nil
}

func (b Backoff) known() bool { return b == Exponential || b == Linear || b == Fixed }

// RetryPolicy says how often and after which delays a failed task is tried again.
type RetryPolicy struct {
	// MaxAttempts is the number of starts, the first included: 1..MaxMaxAttempts. Defaults to
	// DefaultMaxAttempts.
	MaxAttempts int
	// Backoff is how the delays grow. Defaults to Exponential.
	Backoff Backoff
	// Initial is the delay before the first retry, above 0 and at most routing.MaxDelay. Defaults to
	// DefaultRetryInitial.
	Initial time.Duration
	// Max bounds the delay, its jitter included: Initial..routing.MaxDelay. Defaults to
	// DefaultRetryMax, or Initial where that is longer.
	Max time.Duration
	// Factor is by how much each delay is longer than the one before, 1..100. It is Exponential's
	// alone. Defaults to DefaultRetryFactor.
	Factor float64
	// Jitter spreads each delay evenly over this part of it to either side, 0..1, as far as Max
	// allows, so that what failed together is not tried again together. Defaults to
	// DefaultRetryJitter; NoJitter for none.
	Jitter float64

	// Custom, where it is given, returns the delay itself, after a start has failed with err; attempt
	// is its number (from 1). Neither Max nor Jitter applies; the result is brought into
	// 0..routing.MaxDelay. Where it panics, that is logged, and the delay is what the fields above
	// say. It must be safe for use by any number of goroutines. Defaults to nil.
	Custom func(err error, attempt int) time.Duration
	// ShouldRetry, where it is given, is asked whether a task that has failed is tried again, attempt
	// being the number of the start (from 1). It is asked about errors, panics, timeouts and
	// [RetryAfter], which says when, not whether; not about [Permanent], [Snooze], a
	// [*MalformedError] and [ErrNoHandler], which settle it. Where it panics, that is logged and
	// counts as RetryDefault. It must be safe for use by any number of goroutines. Defaults to nil.
	ShouldRetry func(err error, attempt int) Verdict
}

// NoJitter is the Jitter of a policy whose delays are not spread.
const NoJitter = -1

// Verdict is what [RetryPolicy.ShouldRetry] answers.
type Verdict int

// The verdicts. Any other value is as RetryDefault.
const (
	// RetryDefault leaves it to the number of attempts.
	RetryDefault Verdict = iota
	// RetryYes has the task tried again, also beyond its maximum of attempts, the policy's or its
	// own; only after MaxMaxAttempts starts is it a dead letter.
	RetryYes
	// RetryNo makes the task a dead letter at once, with ReasonPermanent.
	RetryNo
)

// WithDefaults returns the policy with its zero fields filled.
func (p RetryPolicy) WithDefaults() RetryPolicy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = DefaultMaxAttempts
	}
	if p.Backoff == "" {
		p.Backoff = Exponential
	}
	if p.Initial == 0 {
		p.Initial = DefaultRetryInitial
	}
	if p.Max == 0 {
		p.Max = max(DefaultRetryMax, p.Initial)
	}
	if p.Factor == 0 && p.Backoff == Exponential {
		p.Factor = DefaultRetryFactor
	}
	if p.Jitter == 0 {
		p.Jitter = DefaultRetryJitter
	}
	return p
}

// Validate checks a policy whose defaults are filled. The error is [ErrInvalidRetry] and names the
// field and its bound.
func (p RetryPolicy) Validate() error {
	fail := func(field string, value any, bounds string) error {
		return fmt.Errorf("%w: %s: %v is not within %s", ErrInvalidRetry, field, value, bounds)
	}
	switch {
	case p.MaxAttempts < 1 || p.MaxAttempts > MaxMaxAttempts:
		return fail("max_attempts", p.MaxAttempts, fmt.Sprintf("1..%d", MaxMaxAttempts))
	case p.Initial <= 0 || p.Initial > routing.MaxDelay:
		return fail("initial", p.Initial, fmt.Sprintf("1ns..%s", routing.MaxDelay))
	case p.Max < p.Initial || p.Max > routing.MaxDelay:
		return fail("max", p.Max, fmt.Sprintf("initial (%s)..%s", p.Initial, routing.MaxDelay))
	case !p.Backoff.known():
		return new(Backoff).UnmarshalText([]byte(p.Backoff))
	case p.Backoff != Exponential && p.Factor != 0:
		return fmt.Errorf("%w: factor: it is given, and backoff is %s: only %s has one", ErrInvalidRetry, p.Backoff, Exponential)
	case p.Backoff == Exponential && !(p.Factor >= 1 && p.Factor <= 100):
		return fail("factor", p.Factor, "1..100")
	case p.Jitter != NoJitter && !(p.Jitter >= 0 && p.Jitter <= 1):
		return fail("jitter", p.Jitter, "0..1")
	}
	return nil
}

// Delay returns how long to wait after the attempt-th start (1-based) has failed, by the policy's
// backoff; Custom is not asked. spread, within [0, 1), places the delay within its jitter: from
// Jitter below what the backoff says to as much above it, or to Max where that is nearer. It is a
// pure function, and its result lies within 0 and routing.MaxDelay.
func (p RetryPolicy) Delay(attempt int, spread float64) time.Duration {
	var (
		delay  = float64(p.Initial)
		bound  = float64(p.Max)
		nth    = float64(max(attempt, 1))
		jitter = max(p.Jitter, 0)
	)
	switch p.Backoff {
	case Fixed:
	case Linear:
		delay *= nth
	default:
		delay *= math.Pow(p.Factor, nth-1)
	}
	delay = min(delay, bound) // before anything that could overflow; +Inf is cut here too
	shortest, longest := delay*(1-jitter), min(delay*(1+jitter), bound)
	delay = shortest + (longest-shortest)*spread
	if !(delay > 0) { // NaN too: the fields of a policy that Validate would refuse
		return 0
	}
	return max(0, min(time.Duration(min(delay, float64(routing.MaxDelay))), p.Max))
}
