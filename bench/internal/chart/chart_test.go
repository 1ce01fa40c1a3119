package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wellFormed parses an SVG and returns the words in it.
func wellFormed(t *testing.T, svg string) string {
	t.Helper()
	var words []string
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(words, " ")
		}
		require.NoError(t, err)
		if text, is := token.(xml.CharData); is && strings.TrimSpace(string(text)) != "" {
			words = append(words, strings.TrimSpace(string(text)))
		}
	}
}

func TestBars(t *testing.T) {
	b := Bars{Title: "Drain & more", Note: "tasks/s", Rows: []Row{
		{Label: "loop", Values: []float64{10000}}, {Label: "Warren", Values: []float64{15000}}, {Label: "River", Said: "absent"},
	}}
	svg := b.SVG()
	assert.Equal(t, "Drain & more Drain & more tasks/s loop 10,000 Warren 15,000 River absent", wellFormed(t, svg))
	scale := b.scale(300)
	assert.InDelta(t, 200, scale(10000), 0.1)
	assert.InDelta(t, 300, scale(15000), 0.1)
	assert.Zero(t, scale(-3))
}

func TestBarsOfParts(t *testing.T) {
	b := Bars{Parts: []string{"client", "server"}, Stacked: true, Rows: []Row{{Label: "loop", Values: []float64{10, 30}}}}
	assert.Contains(t, wellFormed(t, b.SVG()), "client server loop 40")
	b.Stacked = false
	assert.Contains(t, wellFormed(t, b.SVG()), "loop 10 30")
}

func TestBarsByLogarithm(t *testing.T) {
	b := Bars{Log: true, Rows: []Row{{Values: []float64{1}}, {Values: []float64{10}}, {Values: []float64{100}}, {Values: []float64{-5}}}}
	scale := b.scale(200)
	assert.InDelta(t, 0, scale(1), 0.1)
	assert.InDelta(t, 100, scale(10), 0.1)
	assert.InDelta(t, 200, scale(100), 0.1)
	assert.Zero(t, scale(-5))
	wellFormed(t, b.SVG())
}

func TestLines(t *testing.T) {
	l := Lines{Title: "Growth", Sizes: []float64{1000, 10000}, Series: []Series{
		{Label: "loop", Colour: Colour(0), Values: []float64{9000, 8000}}, {Label: "Celery", Colour: Colour(1), Values: []float64{8990}}, {Label: "nobody"},
	}}
	words := wellFormed(t, l.SVG())
	assert.Contains(t, words, "1,000 10,000")
	assert.Contains(t, words, "Celery")
	assert.NotContains(t, words, "nobody")
	at := l.labels(func(float64) float64 { return 100 })
	assert.GreaterOrEqual(t, at[1]-at[0], 16.0, "labels do not lie over each other")
	wellFormed(t, (&Lines{}).SVG())
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.84: "0.8", 7: "7", 12.6: "13", 1234567: "1,234,567", -196.2: "-196", -1234: "-1,234"} {
		assert.Equal(t, want, Thousands(v))
	}
}
