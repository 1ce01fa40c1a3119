package main

import "github.com/warrenmq/warren/alerts"

// The colours of a terminal.
const (
	red     = "\x1b[1;31m"
	yellow  = "\x1b[33m"
	magenta = "\x1b[35m"
	cyan    = "\x1b[36m"
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	plain   = "\x1b[0m"
)

func colourOf(s alerts.Severity) string {
	if s == alerts.Critical {
		return red
	}
	return yellow
}

// colour reports whether results may be coloured: they go to a terminal that knows colours, and nobody
// has asked for none (https://no-color.org).
func (c *cli) colour() bool {
	none, _ := c.getenv("NO_COLOR")
	kind, _ := c.getenv("TERM")
	return c.stdout.width() > 0 && none == "" && kind != "dumb"
}
