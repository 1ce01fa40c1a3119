package deploy

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	conditions "github.com/warrenmq/warren/alerts"
)

// comparison is with a number, behind a metric, a recorded name or a bracket.
var comparison = regexp.MustCompile(`(>=|>) ([0-9.]+)`)

// limitsOf returns the numbers from which on an alert's comparisons hold, in their order. Of what is counted,
// above 0 is from 1 on.
func limitsOf(t *testing.T, name string) []float64 {
	var limits []float64
	for _, match := range comparison.FindAllStringSubmatch(alerts(t)[name].Expr, -1) {
		limit, err := strconv.ParseFloat(match[2], 64)
		require.NoError(t, err)
		if match[1] == ">" {
			limit++
		}
		limits = append(limits, limit)
	}
	require.NotEmpty(t, limits, name)
	return limits
}

// limitOf is the first of them.
func limitOf(t *testing.T, name string) float64 { return limitsOf(t, name)[0] }

// The rules say the same as package alerts, by which `warren queues` goes.
func TestRulesAgreeWithTheConditions(t *testing.T) {
	all := alerts(t)
	for _, condition := range conditions.Conditions() {
		name := ruleOf(condition)
		if assert.Contains(t, all, name) {
			assert.Equal(t, string(condition.Severity()), all[name].Labels["severity"], name)
		}
	}
	for condition, want := range map[conditions.Condition][]float64{
		conditions.Backlog:     {conditions.DefaultBacklog},
		conditions.FailureRate: {conditions.DefaultFailureRate, conditions.DefaultMinEnded},
		conditions.Wait:        {conditions.DefaultWait.Seconds()},
		conditions.Dead:        {1},
		conditions.Parked:      {1},
	} {
		assert.Equal(t, want, limitsOf(t, ruleOf(condition)), condition)
	}
	windows := 0
	for _, r := range rules(t) {
		if r.Record == "" {
			continue
		}
		for _, match := range window.FindAllStringSubmatch(r.Expr, -1) {
			d, err := time.ParseDuration(match[1])
			require.NoError(t, err)
			assert.Equal(t, conditions.Window, d, r.Record)
			windows++
		}
	}
	assert.Positive(t, windows)
	assert.Less(t, 1/float64(conditions.DefaultMinEnded), conditions.DefaultFailureRate, "one failure is never enough")
}

// window is one of a range selector.
var window = regexp.MustCompile(`\[(\w+)\]`)

// ruleOf is the name of a condition's alert: failure-rate is WarrenFailureRate.
func ruleOf(c conditions.Condition) string {
	name := "Warren"
	for word := range strings.SplitSeq(string(c), "-") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name
}
