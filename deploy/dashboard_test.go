package deploy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The width of a dashboard, in the units of gridPos.
const gridWidth = 24

// threshold is a step of a colour; the first has no value.
type threshold struct {
	Color string
	Value *float64
}

// panel is what is checked of one.
type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ Type, UID string }
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct {
		Datasource         struct{ Type, UID string }
		Expr, LegendFormat string
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []threshold }
		}
	}
}

// dashboard is what is checked of one.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct{ Name, Type string }
	}
}

func readDashboard(t *testing.T) *dashboard {
	text, err := Files.ReadFile(DashboardFile)
	require.NoError(t, err)
	d := new(dashboard)
	require.NoError(t, json.Unmarshal(text, d))
	require.NotEmpty(t, d.Panels)
	return d
}

func TestDashboardCanBeImportedAnywhere(t *testing.T) {
	d := readDashboard(t)
	assert.Equal(t, "Warren", d.Title)
	assert.Empty(t, d.UID, "Grafana gives it one")
	assert.GreaterOrEqual(t, d.SchemaVersion, 39, "Grafana 11")
	var variables []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	assert.Equal(t, []string{"datasource", "installation", "queue"}, variables)
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		assert.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
		for _, target := range p.Targets {
			assert.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
			for _, match := range variable.FindAllStringSubmatch(target.Expr, -1) {
				assert.Contains(t, append(variables, "__rate_interval"), match[1], p.Title)
			}
		}
	}
}

var variable = regexp.MustCompile(`\$\{?(\w+)`)

func TestDashboardIsLaidOut(t *testing.T) {
	d := readDashboard(t)
	ids, titles := map[int]bool{}, map[string]bool{}
	row := ""
	for i, p := range d.Panels {
		assert.Positive(t, p.ID, p.Title)
		assert.False(t, ids[p.ID], "%s: panel %d is there twice", p.Title, p.ID)
		ids[p.ID] = true
		g := p.GridPos
		assert.True(t, g.X >= 0 && g.W > 0 && g.H > 0 && g.X+g.W <= gridWidth, "%s: %+v", p.Title, g)
		for _, other := range d.Panels[:i] {
			o := other.GridPos
			apart := g.X+g.W <= o.X || o.X+o.W <= g.X || g.Y+g.H <= o.Y || o.Y+o.H <= g.Y
			assert.True(t, apart, "%s lies on %s", p.Title, other.Title)
		}
		if p.Type == "row" {
			row = p.Title
			continue
		}
		assert.False(t, titles[row+"/"+p.Title], "%s is there twice in %s", p.Title, row)
		titles[row+"/"+p.Title] = true
		assert.NotEmpty(t, p.Description, p.Title)
		if p.Type != "table" {
			assert.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
		}
	}
}

func TestDashboardShowsMetricsThatThereAre(t *testing.T) {
	d := readDashboard(t)
	shown := map[string]bool{}
	for _, p := range d.Panels {
		if p.Type != "row" {
			assert.NotEmpty(t, p.Targets, p.Title)
		}
		for _, target := range p.Targets {
			assertBalanced(t, target.Expr)
			assert.False(t, recordedName.MatchString(target.Expr), "%s: it must do without the rules", p.Title)
			names := metricsOf(target.Expr)
			assert.True(t, len(names) > 0 || strings.Contains(target.Expr, "ALERTS"), p.Title)
			for _, name := range names {
				assert.Contains(t, exported, name, p.Title)
				shown[name] = true
			}
			if p.Type == "timeseries" {
				assert.NotEmpty(t, target.LegendFormat, p.Title)
			}
		}
	}
	for _, name := range exported {
		ours := strings.HasPrefix(name, "warren_")
		assert.True(t, !ours || shown[name] || slices.Contains(unshown, name), "%s is shown nowhere", name)
	}
}

// unshown are metrics that no panel has a use for.
var unshown = []string{"warren_schedule_entries"}

// What the dashboard shows in red is what the rules alert on.
func TestDashboardHasTheThresholdsOfTheAlerts(t *testing.T) {
	d := readDashboard(t)
	byTitle := map[string]string{
		"Backlog": "WarrenBacklog", "Ready": "WarrenBacklog", "Failure rate": "WarrenFailureRate", "Mean wait": "WarrenWait",
		"Dead": "WarrenDead", "Dead letters": "WarrenDead", "Parked": "WarrenParked",
	}
	seen := map[string]bool{}
	for _, p := range d.Panels {
		steps := p.FieldConfig.Defaults.Thresholds.Steps
		name := byTitle[p.Title]
		if name == "" || p.Type == "row" {
			continue
		}
		seen[p.Title] = true
		require.Len(t, steps, 2, p.Title)
		assert.Equal(t, "red", steps[1].Color, p.Title)
		assert.InDelta(t, limitOf(t, name), *steps[1].Value, 0, p.Title)
	}
	assert.Len(t, seen, len(byTitle))
	rate := slices.IndexFunc(d.Panels, func(p panel) bool { return p.Title == "Failure rate" && p.Type == "stat" })
	require.GreaterOrEqual(t, rate, 0)
	assert.Contains(t, d.Panels[rate].Targets[0].Expr, fmt.Sprintf(">= %v)", limitsOf(t, "WarrenFailureRate")[1]))
}
