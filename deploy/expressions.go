package deploy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Expression is what a panel of the dashboard asks Prometheus for.
type Expression struct {
	// Panel is the panel's title, behind that of its row.
	Panel string
	// Text is the expression.
	Text string
}

// Expressions returns those of the dashboard in its order, as they are asked where every installation and
// every queue is chosen, and rates are taken over a window.
func Expressions(window time.Duration) ([]Expression, error) {
	text, err := Files.ReadFile(DashboardFile)
	if err != nil {
		return nil, err
	}
	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		return nil, fmt.Errorf("%s: %w", DashboardFile, err)
	}
	fill := strings.NewReplacer("$__rate_interval", fmt.Sprintf("%dms", window.Milliseconds()), "$installation", ".*", "$queue", ".*")
	var all []Expression
	row := ""
	for _, p := range dashboard.Panels {
		if p.Type == "row" {
			row = p.Title
		}
		for _, t := range p.Targets {
			all = append(all, Expression{Panel: row + ": " + p.Title, Text: fill.Replace(t.Expr)})
		}
	}
	return all, nil
}
