package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wellKept is a soak of which nothing is wrong.
func wellKept() (account, []*series) {
	memory := sampled(3, func(float64) float64 { return 40 })
	other := sampled(3, func(float64) float64 { return 41 })
	other.Of = "worker-2"
	theirs := sampled(0, func(s float64) float64 { return 100 + s })
	theirs.Of = brokerName
	return account{Published: 100, Results: 5, Done: 100, Runs: 100, Emitted: 9, Ticks: 10, Took: time.Hour, Asked: time.Hour}, []*series{memory, other, theirs}
}

func TestJudgeSoak(t *testing.T) {
	t.Parallel()
	a, all := wellKept()
	v := judgeSoak("RabbitMQ <9>", 2000, a, all, nil)
	assert.Empty(t, v.Findings)
	var out bytes.Buffer
	require.NoError(t, v.write(&out))
	assert.Contains(t, out.String(), "verdict: flat")
	assert.Regexp(t, `worker-1 +memory MiB +40\.0 +40\.0 +44\.0 +\+0\.0 +flat`, out.String())
	assert.Contains(t, out.String(), "published 100, done 100, dead 0, lost 0; 5 results waited for; ticks emitted 9, run 10")

	for want, change := range map[string]func(*account, []*series){
		"3 errands are lost":                       func(a *account, _ []*series) { a.Lost = 3 },
		"2 errands are dead":                       func(a *account, _ []*series) { a.Dead = 2 },
		"4 messages are left":                      func(a *account, _ []*series) { a.Left = 4 },
		"1 errands were done again":                func(a *account, _ []*series) { a.Runs = 101 },
		"9 ticks were emitted and 8 ran":           func(a *account, _ []*series) { a.Ticks = 8 },
		"publishing took 2m0s longer":              func(a *account, _ []*series) { a.Took += 2 * time.Minute },
		"worker-1, memory MiB: 3 samples":          func(_ *account, all []*series) { all[0].Points = all[0].Points[:3] },
		"worker-1, memory MiB: not flat: 40.0 in ": func(_ *account, all []*series) { grow(all[0].Points) },
	} {
		a, all := wellKept()
		change(&a, all)
		v := judgeSoak("", 2000, a, all, nil)
		require.Len(t, v.Findings, 1, want)
		assert.Contains(t, v.Findings[0], want)
		out.Reset()
		require.NoError(t, v.write(&out))
		assert.Contains(t, out.String(), "DOES NOT HOLD: 1 findings\n  "+v.Findings[0])
	}
	many := judgeSoak("", 2000, a, all, make([]string, maxFindings+2))
	out.Reset()
	require.NoError(t, many.write(&out))
	assert.Contains(t, out.String(), "and 2 more")
}

func grow(points []point) {
	for i := len(points) * 3 / 4; i < len(points); i++ {
		points[i].Value += 10
	}
}

func TestSoakChart(t *testing.T) {
	t.Parallel()
	a, all := wellKept()
	chart := soakChart(judgeSoak("", 2000, a, all, nil))
	decoder := xml.NewDecoder(strings.NewReader(chart))
	paths := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if element, is := token.(xml.StartElement); is && element.Name.Local == "path" {
			paths++
		}
	}
	assert.Equal(t, 3, paths)
	assert.Contains(t, chart, "prefers-color-scheme: dark")
	assert.NotContains(t, chart, "NaN")
	assert.NotContains(t, soakChart(&soakVerdict{}), "path")

	for at, want := range map[time.Duration]string{0: "0s", 15 * time.Second: "15s", 15 * time.Minute: "15m", time.Hour: "1h", 90 * time.Minute: "1h30m", 61 * time.Second: "1m1s"} {
		assert.Equal(t, want, chartTime(at))
	}
	labels := labelHeights(all[:2], func(v float64) float64 { return 100 - v })
	assert.GreaterOrEqual(t, labels[0]-labels[1], float64(labelSpacing), "names do not stand upon each other, the higher value above")
	for least, want := range map[float64]float64{1: 1, 1.1: 2, 2.5: 5, 6: 10, 0.03: 0.05, 150: 200} {
		assert.InDelta(t, want, niceStep(least), 1e-12)
	}
}
