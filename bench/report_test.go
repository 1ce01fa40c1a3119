package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sampleReport() *report {
	return &report{
		About: about{
			At: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Warren: "v0", Library: "v1.16.0", Go: "go1.26",
			RabbitMQ: "4.3.6", Source: "container (4.3.6)", Platform: "linux/amd64", CPUs: 2,
		},
		Settings: full,
		Contests: []*result{{Contest: "drain", What: "tasks are run", Rows: []row{
			{Entrant: loopEach, Figure: "rate", Unit: "tasks/s", Rounds: []float64{20000}, spread: spread{20000, 19000, 21000}},
			{Entrant: warren, Figure: "rate", Unit: "tasks/s", Rounds: []float64{27000}, spread: spread{27000, 26000, 28000},
				Ratio: &spread{1.351, 1.2, 1.4}, Floor: &verdict{Bound: 1.3, Holds: true}},
			{Entrant: warren, Figure: "p50", Unit: "ms", Rounds: []float64{2}, spread: spread{2, 2, 2},
				Floor: &verdict{Bound: 1, AtMost: true, Absolute: true, Holds: true}},
		}}},
		Memory: &memory{Tasks: 10, RSS: quarters{spread{20, 19, 21}, spread{20.5, 20, 21}}, Goroutines: quarters{spread{30, 30, 30}, spread{30, 29, 31}}, Flat: true},
	}
}

func TestReportAsText(t *testing.T) {
	var out strings.Builder
	require.NoError(t, sampleReport().writeText(&out))
	assert.Equal(t, `Warren v0, amqp091-go v1.16.0, go1.26, RabbitMQ: container (4.3.6), linux/amd64, 2 CPUs, 2026-11-22T09:00:00Z
5 rounds in turn; medians, and the least and the greatest in brackets; ratios to the first line, taken round by round

drain (50000 tasks of 256 bytes): tasks are run
                               median                    ratio                  floor
  loop, ack each  rate  20000 tasks/s  (19000 .. 21000)
  Warren          rate  27000 tasks/s  (26000 .. 28000)   1.35  (1.20 .. 1.40)  at least 1.30    holds
  Warren          p50         2.00 ms  (2.00 .. 2.00)                           at most 1.00 ms  holds

memory (10 tasks of 256 bytes): a process of its own runs tasks that do nothing, looked at every 1s
            first quarter                   last quarter
  resident       20.0 MiB  (19.0 .. 21.0)       20.5 MiB  (20.0 .. 21.0)
  running   30 goroutines  (30 .. 30)      30 goroutines  (29 .. 31)
  flat: yes
`, out.String())
}

func TestReportAsJSON(t *testing.T) {
	var out strings.Builder
	require.NoError(t, sampleReport().writeJSON(&out))
	var back report
	require.NoError(t, json.Unmarshal([]byte(out.String()), &back))
	assert.Equal(t, spread{27000, 26000, 28000}, back.Contests[0].Rows[1].spread)
	assert.Equal(t, []float64{27000}, back.Contests[0].Rows[1].Rounds)
	assert.True(t, back.Contests[0].Rows[1].Floor.Holds)
	assert.Equal(t, "4.3.6", back.About.RabbitMQ)
}

func TestReportHolds(t *testing.T) {
	r := sampleReport()
	assert.True(t, r.holds())
	r.Memory.Flat = false
	assert.False(t, r.holds())
	r.Memory = nil
	assert.True(t, r.holds())
	r.Contests[0].Rows[1].Floor.Holds = false
	assert.False(t, r.holds())
}

// broken is a writer that fails.
type broken struct{}

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestReportThatCannotBeWritten(t *testing.T) {
	assert.ErrorIs(t, sampleReport().writeText(broken{}), errBroken)
}
