package alerts

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Finding is a condition that holds.
type Finding struct {
	Condition Condition `json:"condition"`
	// Queue is empty for NoLeader and Parked.
	Queue    string   `json:"queue,omitempty"`
	Severity Severity `json:"severity"`
	// Value is what was found. NoConsumer and NoLeader hold below the Threshold, all others from it on. Tasks,
	// workers and leaders are counted; a failure rate is a share, 0..1, and a wait is in seconds.
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"`
	// Text says what holds, Remedy what to do next. Both are for people, and end without a full stop.
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

func (f *Finding) rank() int {
	if f.Severity == Critical {
		return 0
	}
	return 1
}

// remedy returns what to do next.
func (f *Finding) remedy() string {
	switch f.Condition {
	case NoLeader:
		return "start a scheduler; warren schedule ls tells who led last"
	case NoConsumer:
		return "start a worker for it: worker --queue " + f.Queue
	case Backlog, Wait:
		return "start more workers, or raise queues." + f.Queue + ".concurrency, where the machines are not busy"
	case FailureRate:
		return "warren history --since 5m --queue " + f.Queue + " --event retried --event dead"
	case Dead:
		return "warren dead groups " + f.Queue
	default:
		return "warren dead groups --unrouted"
	}
}

func backlogText(ready, limit int) string {
	return fmt.Sprintf("%s for a worker (limit %d)", counted(ready, "task waits", "tasks wait"), limit)
}

func failureText(w *Work, limit float64) string {
	return fmt.Sprintf("%s of %d attempts failed in the last %s (limit %s)", percent(w.FailureRate()), w.Ended, short(w.Over), percent(limit))
}

func waitText(w *Work, limit time.Duration) string {
	return fmt.Sprintf("tasks waited %s on average in the last %s (limit %s)", short(*w.Wait), short(w.Over), short(limit))
}

// percent writes a share with one digit behind the point, rounded down: what is below a limit is
// not told as if it were there.
func percent(share float64) string {
	tenths := math.Floor(share*1000 + 1e-9)
	return strconv.FormatFloat(tenths/10, 'f', -1, 64) + " %"
}

// short writes a time in whole seconds without the units that are 0: 5m and not 5m0s.
func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// counted writes a number and what is counted.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
