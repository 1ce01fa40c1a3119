package tasks_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

func TestRetryDelays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy tasks.RetryPolicy
		want   []time.Duration // of the first attempt, the second, ...
	}{
		"default": {tasks.RetryPolicy{}.WithDefaults(), // at Max the jitter has one side
			[]time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 57 * time.Second, 57 * time.Second}},
		"exponential": {tasks.RetryPolicy{Jitter: tasks.NoJitter}.WithDefaults(),
			[]time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}},
		"exponential by 1": {tasks.RetryPolicy{Initial: 3 * time.Second, Max: time.Hour, Factor: 1},
			[]time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second}},
		"linear": {tasks.RetryPolicy{Backoff: tasks.Linear, Initial: 15 * time.Second, Jitter: tasks.NoJitter}.WithDefaults(),
			[]time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute, time.Minute}},
		"linear, of days": {tasks.RetryPolicy{Backoff: tasks.Linear, Initial: routing.MaxDelay / 2, Max: routing.MaxDelay},
			[]time.Duration{routing.MaxDelay / 2, routing.MaxDelay, routing.MaxDelay}},
		"fixed": {tasks.RetryPolicy{Backoff: tasks.Fixed, Initial: 3 * time.Second}.WithDefaults(),
			[]time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second}},
		"fraction": {tasks.RetryPolicy{Initial: time.Second, Max: time.Hour, Factor: 1.5},
			[]time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond}},
		"at its bound": {tasks.RetryPolicy{Initial: routing.MaxDelay, Max: routing.MaxDelay, Factor: 100},
			[]time.Duration{routing.MaxDelay, routing.MaxDelay}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, want := range tt.want {
				assert.Equal(t, want, tt.policy.Delay(i+1, 0.5), "attempt %d", i+1)
			}
			for _, attempt := range []int{0, -1, math.MinInt} {
				assert.Equal(t, tt.want[0], tt.policy.Delay(attempt, 0.5), "counts as the first")
			}
		})
	}
}

func TestRetryJitter(t *testing.T) {
	t.Parallel()
	almost1 := math.Nextafter(1, 0)
	p := tasks.RetryPolicy{Initial: 10 * time.Second, Jitter: 0.1}.WithDefaults()
	assert.Equal(t, 9*time.Second, p.Delay(1, 0))
	assert.Equal(t, 10*time.Second, p.Delay(1, 0.5))
	assert.InDelta(t, 11*time.Second, p.Delay(1, almost1), 1000)
	p.Jitter = tasks.NoJitter
	assert.Equal(t, 10*time.Second, p.Delay(1, 0))
	p.Jitter = 1
	assert.Zero(t, p.Delay(1, 0))
	assert.Equal(t, 20*time.Second, p.Delay(1, 1))
}

// The bound is one, whatever the jitter; and what is cut off there does not pile up on it.
func TestRetryJitterAtTheBound(t *testing.T) {
	t.Parallel()
	almost1 := math.Nextafter(1, 0)
	p := tasks.RetryPolicy{}.WithDefaults() // at most 60 s, jitter 10 %
	for _, attempt := range []int{6, 7, 100} {
		assert.Equal(t, 54*time.Second, p.Delay(attempt, 0))
		assert.Equal(t, 57*time.Second, p.Delay(attempt, 0.5))
		assert.InDelta(t, time.Minute, p.Delay(attempt, almost1), 1000)
		assert.LessOrEqual(t, p.Delay(attempt, almost1), time.Minute)
	}
	p = tasks.RetryPolicy{Backoff: tasks.Fixed, Initial: 58 * time.Second}.WithDefaults()
	assert.Equal(t, time.Duration(52.2*float64(time.Second)), p.Delay(1, 0))
	assert.InDelta(t, time.Minute, p.Delay(1, almost1), 1000)
}

func TestBackoffUnmarshalText(t *testing.T) {
	t.Parallel()
	for _, want := range []tasks.Backoff{tasks.Exponential, tasks.Linear, tasks.Fixed} {
		var got tasks.Backoff
		require.NoError(t, got.UnmarshalText([]byte(want)))
		assert.Equal(t, want, got)
	}
	got := tasks.Linear
	for _, text := range []string{"", "Linear", "quadratic", "custom"} {
		err := got.UnmarshalText([]byte(text))
		require.ErrorIs(t, err, tasks.ErrInvalidRetry)
		require.ErrorContains(t, err, "is none of exponential, linear, fixed")
		assert.Equal(t, tasks.Linear, got, "stays as it was")
	}
}

func TestRetryWithDefaults(t *testing.T) {
	t.Parallel()
	assert.Equal(t, tasks.RetryPolicy{MaxAttempts: 5, Backoff: "exponential", Initial: 2 * time.Second, Max: time.Minute, Factor: 2, Jitter: 0.1},
		tasks.RetryPolicy{}.WithDefaults())
	full := tasks.RetryPolicy{MaxAttempts: 1, Backoff: "x", Initial: 2, Max: 3, Factor: 4, Jitter: tasks.NoJitter}
	assert.Equal(t, full, full.WithDefaults(), "what is set stays")
	assert.Equal(t, time.Hour, tasks.RetryPolicy{Initial: time.Hour}.WithDefaults().Max, "the bound is not below the first delay")
	assert.Zero(t, tasks.RetryPolicy{Backoff: tasks.Linear}.WithDefaults().Factor, "the exponential's alone")
	assert.Zero(t, tasks.RetryPolicy{Backoff: tasks.Fixed}.WithDefaults().Factor)
}

// A field that is forgotten when defaults are filled would lose what a user has set.
func TestRetryWithDefaultsKeepsEveryField(t *testing.T) {
	t.Parallel()
	asked := 0
	p := tasks.RetryPolicy{
		Custom:      func(error, int) time.Duration { asked++; return 1 },
		ShouldRetry: func(error, int) tasks.Verdict { asked++; return tasks.RetryNo },
	}.WithDefaults()
	assert.EqualValues(t, 1, p.Custom(nil, 1))
	assert.Equal(t, tasks.RetryNo, p.ShouldRetry(nil, 1))
	assert.Equal(t, 2, asked)
	assert.NoError(t, p.Validate())
}

func TestRetryValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, tasks.RetryPolicy{}.WithDefaults().Validate())
	for name, p := range map[string]tasks.RetryPolicy{
		"least": {MaxAttempts: 1, Backoff: "exponential", Initial: 1, Max: 1, Factor: 1, Jitter: tasks.NoJitter},
		"most":  {MaxAttempts: 100, Backoff: "exponential", Initial: routing.MaxDelay, Max: routing.MaxDelay, Factor: 100, Jitter: 1},
		"plain": {MaxAttempts: 5, Backoff: "exponential", Initial: time.Second, Max: time.Minute, Factor: 1.5, Jitter: 0},

		"linear": tasks.RetryPolicy{Backoff: tasks.Linear}.WithDefaults(),
		"fixed":  tasks.RetryPolicy{Backoff: tasks.Fixed}.WithDefaults(),
	} {
		require.NoError(t, p.Validate(), name)
	}
	tests := map[string]func(*tasks.RetryPolicy){
		"max_attempts: 0 ":   func(p *tasks.RetryPolicy) { p.MaxAttempts = 0 },
		"max_attempts: -1 ":  func(p *tasks.RetryPolicy) { p.MaxAttempts = -1 },
		"max_attempts: 101 ": func(p *tasks.RetryPolicy) { p.MaxAttempts = 101 },
		"initial: 0s ":       func(p *tasks.RetryPolicy) { p.Initial = 0 },
		"initial: -1s ":      func(p *tasks.RetryPolicy) { p.Initial = -time.Second },
		"initial: 7456":      func(p *tasks.RetryPolicy) { p.Initial, p.Max = routing.MaxDelay+1, routing.MaxDelay+1 },
		"max: 1s ":           func(p *tasks.RetryPolicy) { p.Max = time.Second },
		"max: -1s ":          func(p *tasks.RetryPolicy) { p.Max = -time.Second },
		"max: 7456":          func(p *tasks.RetryPolicy) { p.Max = routing.MaxDelay + 1 },
		"factor: 0.99 ":      func(p *tasks.RetryPolicy) { p.Factor = 0.99 },
		"factor: 100.1 ":     func(p *tasks.RetryPolicy) { p.Factor = 100.1 },
		"factor: -2 ":        func(p *tasks.RetryPolicy) { p.Factor = -2 },
		"factor: NaN ":       func(p *tasks.RetryPolicy) { p.Factor = math.NaN() },
		"factor: +Inf ":      func(p *tasks.RetryPolicy) { p.Factor = math.Inf(1) },
		"factor: -Inf ":      func(p *tasks.RetryPolicy) { p.Factor = math.Inf(-1) },
		`backoff: "" is none of exponential, linear, fixed`:            func(p *tasks.RetryPolicy) { p.Backoff = "" },
		`backoff: "square" is none of exponential, linear, fixed`:      func(p *tasks.RetryPolicy) { p.Backoff = "square" },
		"factor: it is given, and backoff is linear: only exponential": func(p *tasks.RetryPolicy) { p.Backoff = tasks.Linear },
		"factor: it is given, and backoff is fixed: only exponential":  func(p *tasks.RetryPolicy) { p.Backoff = tasks.Fixed },
		"jitter: 1.1 ":  func(p *tasks.RetryPolicy) { p.Jitter = 1.1 },
		"jitter: -0.1 ": func(p *tasks.RetryPolicy) { p.Jitter = -0.1 },
		"jitter: NaN ":  func(p *tasks.RetryPolicy) { p.Jitter = math.NaN() },
		"jitter: +Inf ": func(p *tasks.RetryPolicy) { p.Jitter = math.Inf(1) },
	}
	for says, change := range tests {
		p := tasks.RetryPolicy{}.WithDefaults()
		change(&p)
		err := p.Validate()
		require.ErrorIs(t, err, tasks.ErrInvalidRetry, says)
		require.ErrorContains(t, err, says)
	}
}

// A valid policy's delays lie within its jitter of what its formula says, and never shrink but by
// the jitter.
func TestRetryDelayOfValidPolicies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := tasks.RetryPolicy{
			MaxAttempts: rapid.IntRange(1, tasks.MaxMaxAttempts).Draw(t, "max attempts"),
			Backoff:     rapid.SampledFrom([]tasks.Backoff{tasks.Exponential, tasks.Linear, tasks.Fixed}).Draw(t, "backoff"),
			Initial:     time.Duration(rapid.Int64Range(1, int64(routing.MaxDelay)).Draw(t, "initial")),
			Jitter:      rapid.Float64Range(0, 1).Draw(t, "jitter"),
		}
		if p.Backoff == tasks.Exponential {
			p.Factor = rapid.Float64Range(1, 100).Draw(t, "factor")
		}
		p.Max = time.Duration(rapid.Int64Range(int64(p.Initial), int64(routing.MaxDelay)).Draw(t, "max"))
		require.NoError(t, p.Validate())
		attempt := rapid.OneOf(rapid.IntRange(1, 100), rapid.SampledFrom([]int{1e6, math.MaxInt})).Draw(t, "attempt")
		delay := p.Delay(attempt, rapid.Float64Range(0, 1).Draw(t, "spread"))
		checkDelay(t, delay)

		require.LessOrEqual(t, delay, p.Max)

		unspread := p
		unspread.Jitter = tasks.NoJitter
		middle := float64(unspread.Delay(attempt, 0.5))
		const rounding = 8 // ns; what a float64 cannot tell apart at 310 days
		require.GreaterOrEqual(t, middle, float64(p.Initial)-rounding)
		require.GreaterOrEqual(t, float64(delay), middle*(1-p.Jitter)-rounding)
		require.LessOrEqual(t, float64(delay), middle*(1+p.Jitter)+rounding)
		require.GreaterOrEqual(t, float64(p.Delay(attempt, 0.5)), float64(p.Delay(attempt-1, 0.5))-rounding)
	})
}

// Whatever nobody validated, a delay is one that can be waited.
func TestRetryDelayOfAnyPolicy(t *testing.T) {
	t.Parallel()
	odd := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64}))
	rapid.Check(t, func(t *rapid.T) {
		p := tasks.RetryPolicy{
			Backoff: rapid.SampledFrom([]tasks.Backoff{"", "odd", tasks.Linear, tasks.Fixed}).Draw(t, "backoff"),
			Initial: time.Duration(rapid.Int64().Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64().Draw(t, "max")),
			Factor:  odd.Draw(t, "factor"),
			Jitter:  odd.Draw(t, "jitter"),
		}
		checkDelay(t, p.Delay(rapid.Int().Draw(t, "attempt"), odd.Draw(t, "spread")))
	})
	assert.Zero(t, tasks.RetryPolicy{Factor: 2}.Delay(1e6, 0.5), "0 x infinity")
	assert.Equal(t, routing.MaxDelay, tasks.RetryPolicy{Initial: 1, Max: math.MaxInt64, Factor: 100}.Delay(1e6, 0.5))
}

func checkDelay(t *rapid.T, delay time.Duration) {
	require.GreaterOrEqual(t, delay, time.Duration(0))
	require.LessOrEqual(t, delay, routing.MaxDelay)
}
