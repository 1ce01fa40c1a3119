package scheduler

import (
	"fmt"
	"time"
)

// CatchUpPolicy says which of the ticks that were missed are emitted late.
type CatchUpPolicy string

// The policies.
const (
	// CatchUpNone emits no missed tick.
	CatchUpNone CatchUpPolicy = "none"
	// CatchUpLast emits the newest missed tick only: what a report or a clean-up needs.
	CatchUpLast CatchUpPolicy = "last"
	// CatchUpAll emits every missed tick up to a number, the newest, spaced.
	CatchUpAll CatchUpPolicy = "all"
)

// The defaults and the bounds of [CatchUp].
const (
	DefaultCatchUp = CatchUpLast

	DefaultCatchUpMax = 100
	MaxCatchUpMax     = 1000

	DefaultCatchUpSpacing = time.Second
	MaxCatchUpSpacing     = time.Hour
	// NoCatchUpSpacing has all missed ticks start at once.
	NoCatchUpSpacing time.Duration = -1
)

// CatchUp is what becomes of the ticks that were missed: those that came while no scheduler ran, or
// none could publish.
type CatchUp struct {
	// Policy says which of them are emitted. Defaults to DefaultCatchUp.
	Policy CatchUpPolicy
	// Max is how many CatchUpAll emits, the newest of them, 1..MaxCatchUpMax. Defaults to
	// DefaultCatchUpMax there; else it is 0.
	Max int
	// Spacing is how long after the one before each of CatchUpAll may start, at most
	// MaxCatchUpSpacing, or NoCatchUpSpacing. Defaults to DefaultCatchUpSpacing there; else it is 0.
	Spacing time.Duration
}

// Delay returns how long after the first of them the missed tick of an index, from 0, may start.
func (c CatchUp) Delay(index int) time.Duration {
	return time.Duration(index) * max(c.Spacing, 0)
}

func (c CatchUp) withDefaults() CatchUp {
	if c.Policy == "" {
		c.Policy = DefaultCatchUp
	}
	if c.Policy == CatchUpAll {
		if c.Max == 0 {
			c.Max = DefaultCatchUpMax
		}
		if c.Spacing == 0 {
			c.Spacing = DefaultCatchUpSpacing
		}
	}
	return c
}

// validate returns the field that is wrong, as warren.yaml calls it, and why. A zero field is taken
// as its default.
func (c CatchUp) validate() (field string, err error) {
	switch c.Policy {
	case "", CatchUpNone, CatchUpLast, CatchUpAll:
	default:
		return "catch_up.policy", fmt.Errorf("%.40q is not %s, %s or %s", string(c.Policy), CatchUpNone, CatchUpLast, CatchUpAll)
	}
	if c.Policy != CatchUpAll {
		policy := c.withDefaults().Policy
		switch {
		case c.Max != 0:
			return "catch_up.max", fmt.Errorf("it is for the policy %s, and the policy is %s", CatchUpAll, policy)
		case c.Spacing != 0:
			return "catch_up.spacing", fmt.Errorf("it is for the policy %s, and the policy is %s", CatchUpAll, policy)
		}
		return "", nil
	}
	switch {
	case c.Max < 0 || c.Max > MaxCatchUpMax:
		return "catch_up.max", fmt.Errorf("%d is not within 1..%d", c.Max, MaxCatchUpMax)
	case c.Spacing < NoCatchUpSpacing || c.Spacing > MaxCatchUpSpacing:
		return "catch_up.spacing", fmt.Errorf("%s is not within 0s..%s", c.Spacing, MaxCatchUpSpacing)
	}
	return "", nil
}
