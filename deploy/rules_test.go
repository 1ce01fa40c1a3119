package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const (
	testsFile   = "prometheus/warren.rules.test.yml"
	alertsPage  = "../docs/alerts.md"
	runbookBase = "https://github.com/warrenmq/warren/blob/main/docs/alerts.md#"
)

// rule is one of a rules file: an alert, or what is recorded.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

// rules returns all rules in their order.
func rules(t *testing.T) []rule {
	var file struct {
		Groups []struct{ Rules []rule }
	}
	text, err := Files.ReadFile(RulesFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

// alerts returns the alerts by name.
func alerts(t *testing.T) map[string]rule {
	byName := map[string]rule{}
	for _, r := range rules(t) {
		if r.Alert != "" {
			assert.NotContains(t, byName, r.Alert)
			byName[r.Alert] = r
		}
	}
	return byName
}

// Who is woken by an alert is told what is wrong with what, how wrong it is, and where to read on.
func TestAlertsSayWhatIsWrong(t *testing.T) {
	for name, a := range alerts(t) {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, []string{"critical", "warning"}, a.Labels["severity"])
			assert.NotEmpty(t, a.Annotations["summary"])
			assert.Equal(t, runbookBase+strings.ToLower(name), a.Annotations["runbook_url"])
			description := a.Annotations["description"]
			assert.True(t, strings.HasSuffix(description, "."), description)
			switch {
			case strings.Contains(a.Expr, "queue)"):
				assert.Contains(t, description, "$labels.queue")
				assert.Contains(t, description, "$value")
			case strings.Contains(a.Expr, "by (installation)"):
				assert.Contains(t, description, "$labels.installation")
			}
		})
	}
}

// heading is one of an alert in the documentation; its anchor is the name in lower case.
var heading = regexp.MustCompile(`(?m)^### (Warren\w+)$`)

func TestAlertsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(alertsPage)
	require.NoError(t, err)
	var documented []string
	for _, match := range heading.FindAllSubmatch(page, -1) {
		documented = append(documented, string(match[1]))
	}
	var named []string
	for _, r := range rules(t) {
		if r.Alert != "" {
			named = append(named, r.Alert)
		}
	}
	assert.Equal(t, named, documented, "in the order of the rules")
}

// promtool runs the tests (promtool_integration_test.go); this holds that there are some, of each alert.
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name     string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	text, err := Files.ReadFile(testsFile)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &file))
	quiet, firing := map[string]int{}, map[string]int{}
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			if len(a.Expected) == 0 {
				quiet[a.Name]++
			} else {
				firing[a.Name]++
			}
		}
	}
	for name := range alerts(t) {
		assert.GreaterOrEqual(t, quiet[name], 2, "%s: before it begins, and after it has ended", name)
		assert.Positive(t, firing[name], name)
	}
}

func TestRulesUseMetricsThatThereAre(t *testing.T) {
	recorded := []string{}
	for _, r := range rules(t) {
		for _, name := range recordedName.FindAllString(r.Expr, -1) {
			assert.Contains(t, recorded, name, "%s%s: it is recorded above", r.Alert, r.Record)
		}
		for _, name := range metricsOf(recordedName.ReplaceAllString(r.Expr, "")) {
			assert.Contains(t, exported, name, "%s%s", r.Alert, r.Record)
		}
		assertBalanced(t, r.Expr)
		if r.Record != "" {
			assert.True(t, recordedName.MatchString(r.Record), r.Record)
			recorded = append(recorded, r.Record)
		}
	}
}

var (
	recordedName = regexp.MustCompile(`\b\w+:\w+:\w+\b`)
	metricName   = regexp.MustCompile(`\b(?:warren|go|process)_[a-z_]+\b`)
	suffix       = regexp.MustCompile(`_(?:bucket|sum|count)$`)
	quoted       = regexp.MustCompile(`"[^"]*"`)
)

// metricsOf returns the names of the metrics in an expression, a histogram's without the suffix of its series.
func metricsOf(expr string) []string {
	var names []string
	for _, name := range metricName.FindAllString(quoted.ReplaceAllString(expr, ""), -1) {
		if base := suffix.ReplaceAllString(name, ""); slices.Contains(exported, base) {
			name = base
		}
		names = append(names, name)
	}
	return names
}

// assertBalanced checks that each bracket of an expression is closed, in order.
func assertBalanced(t *testing.T, expr string) {
	t.Helper()
	var open []rune
	for _, c := range quoted.ReplaceAllString(expr, "") {
		switch c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if !assert.NotEmpty(t, open, expr) {
				return
			}
			last := open[len(open)-1]
			assert.Equal(t, map[rune]rune{')': '(', ']': '[', '}': '{'}[c], last, expr)
			open = open[:len(open)-1]
		}
	}
	assert.Empty(t, open, expr)
}
