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

// RetryPolicy says how often and after which delays a failed task is tried again: the n-th retry
// waits Initial x Factor^(n-1), at most Max, spread by Jitter.
type RetryPolicy struct {
	// MaxAttempts is the number of starts, the first included: 1..MaxMaxAttempts. Defaults to
	// DefaultMaxAttempts.
	MaxAttempts int
	// Initial is the delay before the first retry, above 0 and at most routing.MaxDelay. Defaults to
	// DefaultRetryInitial.
	Initial time.Duration
	// Max bounds the delay, Initial..routing.MaxDelay. Defaults to DefaultRetryMax, or Initial where
	// that is longer.
	Max time.Duration
	// Factor is by how much each delay is longer than the one before: 1..100, 1 for a fixed delay.
	// Defaults to DefaultRetryFactor.
	Factor float64
	// Jitter spreads each delay evenly over this part of it to either side, 0..1, so that what
	// failed together is not tried again together. Defaults to DefaultRetryJitter; NoJitter for none.
	Jitter float64
}

// NoJitter is the Jitter of a policy whose delays are not spread.
const NoJitter = -1

// WithDefaults returns the policy with its zero fields filled.
func (p RetryPolicy) WithDefaults() RetryPolicy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = DefaultMaxAttempts
	}
	if p.Initial == 0 {
		p.Initial = DefaultRetryInitial
	}
	if p.Max == 0 {
		p.Max = max(DefaultRetryMax, p.Initial)
	}
	if p.Factor == 0 {
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
	case !(p.Factor >= 1 && p.Factor <= 100):
		return fail("factor", p.Factor, "1..100")
	case p.Jitter != NoJitter && !(p.Jitter >= 0 && p.Jitter <= 1):
		return fail("jitter", p.Jitter, "0..1")
	}
	return nil
}

// Delay returns how long to wait after the attempt-th start (1-based) has failed. spread, within
// [0, 1), places the delay within its jitter; 0.5 is the middle. It is a pure function, and its
// result lies within 0 and routing.MaxDelay.
func (p RetryPolicy) Delay(attempt int, spread float64) time.Duration {
	delay := float64(p.Initial) * math.Pow(p.Factor, float64(max(attempt, 1)-1))
	delay = min(delay, float64(p.Max)) // before anything that could overflow; +Inf is cut here too
	if p.Jitter > 0 {
		delay += delay * p.Jitter * (2*spread - 1)
	}
	if !(delay > 0) { // NaN too: the fields of a policy that Validate would refuse
		return 0
	}
	return time.Duration(min(delay, float64(routing.MaxDelay)))
}
