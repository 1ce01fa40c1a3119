package main

import "cmp"

// step is how far a task has come: each step is run once where nothing goes wrong. It is not the
// settlement, which the count of a redelivery raises too.
type step struct {
	attempt int
	snoozed bool
}

func (s step) compare(other step) int {
	if order := cmp.Compare(s.attempt, other.attempt); order != 0 || s.snoozed == other.snoozed {
		return order
	}
	if s.snoozed {
		return 1
	}
	return -1
}

// steps returns the runs by how far the task had come.
func (c *caseOf) steps() map[step][]*run {
	byStep := map[step][]*run{}
	for _, r := range c.runs {
		byStep[c.stepOf(r)] = append(byStep[c.stepOf(r)], r)
	}
	return byStep
}

func (c *caseOf) stepOf(r *run) step {
	return step{r.attempt, c.item.script.SnoozeMillis > 0 && !r.notBefore.IsZero()}
}
