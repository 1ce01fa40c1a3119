package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// sum is what came of a run of effects.
type sum struct {
	tasks     int // published and confirmed
	effects   int // rows
	dead      int // letters
	entries   map[string]int
	again     int // tasks whose handler ran more than once
	findings  []string
	missing   int // tasks without a row
	repeated  int // tasks with several
	unwritten int // rows of nobody's
}

// countEffects counts the rows by task.
func countEffects(ctx context.Context, db *sql.DB) (byTask map[string]int, err error) {
	rows, err := db.QueryContext(ctx, "SELECT task, count(*) FROM effects GROUP BY task")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	byTask = map[string]int{}
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		byTask[id] = n
	}
	return byTask, rows.Err()
}

// reckon compares the tasks that were published with the rows that they have left.
func reckon(ids []string, entries map[string]int, byTask map[string]map[string]int, rows map[string]int) sum {
	total := sum{tasks: len(ids), entries: entries}
	slices.Sort(ids)
	for _, id := range ids {
		if byTask[id][entryRun] > 1 {
			total.again++
		}
		switch n := rows[id]; {
		case n == 0:
			total.missing++
			total.findings = append(total.findings, fmt.Sprintf("%s has no effect: %v", id, byTask[id]))
		case n > 1:
			total.repeated++
			total.findings = append(total.findings, fmt.Sprintf("%s has %d effects: %v", id, n, byTask[id]))
		}
		total.effects += rows[id]
	}
	for id, n := range rows {
		if _, published := slices.BinarySearch(ids, id); !published {
			total.unwritten += n
			total.effects += n
			total.findings = append(total.findings, fmt.Sprintf("%s has %d effects and was never published", id, n))
		}
	}
	return total
}

// duplicates is how many deliveries there were beyond one for each task.
func (s sum) duplicates() int { return s.entries[entryDelivered] - s.tasks }

// decided is of how many deliveries it is known whether they were run.
func (s sum) decided() int {
	return s.entries[entryDone] + s.entries[entryBusy] + s.entries[entryUnavailable] + s.entries[entryRun]
}

// holds says whether each task has exactly one effect, and whether that says anything: without a
// duplicate it would not.
func (s sum) holds() bool {
	return s.missing == 0 && s.repeated == 0 && s.unwritten == 0 && s.dead == 0 && s.effects == s.tasks &&
		s.duplicates() > 0 && s.entries[entryRun] > s.tasks
}

// write reports a run.
func (s *scene) write(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\neffects: %s, PostgreSQL %s; %d tasks, %d/s, %d workers; over after %s\n",
		s.broker.Source, s.server.Version, s.options.tasks, s.options.rate, s.options.workers, s.took.Round(100*time.Millisecond))
	var faults []string
	for fault := range effectsFaults {
		faults = append(faults, fmt.Sprintf("%s %d times", fault, s.struck[fault]))
	}
	unconfirmed := 0
	for _, publication := range s.publisher.published {
		unconfirmed += publication.unconfirmed
	}
	fmt.Fprintf(&out, "faults: %s; %d publishes unconfirmed and sent again\n\n", strings.Join(faults, ", "), unconfirmed)
	s.sum.write(&out)
	fmt.Fprintf(&out, "the same faults again: %s\n", s.options.command())
	_, err := io.WriteString(w, out.String())
	return err
}

func (s sum) write(w io.Writer) {
	for _, line := range []struct {
		n    int
		what string
	}{
		{s.tasks, "tasks published"},
		{s.entries[entryDelivered], "times a task was to be run"},
		{s.entries[entryDone], "of them not run: done already"},
		{s.entries[entryBusy], "of them not run: another was running it"},
		{s.entries[entryUnavailable], "of them not run: PostgreSQL could not be asked"},
		{s.entries[entryDelivered] - s.decided(), "of them ended with their worker before that was decided"},
		{s.entries[entryRun], "runs of the handler"},
		{s.entries[entryCommitted], "of them committed, and were told so"},
		{s.entries[entryFenced], "of them were refused the commit: the claim was lost"},
		{s.entries[entryFailed], "of them failed by a cut connection, committed or not"},
		{s.entries[entryRun] - s.entries[entryCommitted] - s.entries[entryFenced] - s.entries[entryFailed], "of them ended with their worker"},
		{s.again, "tasks whose handler ran more than once"},
		{s.effects, "effects in PostgreSQL"},
	} {
		fmt.Fprintf(w, "%7d  %s\n", line.n, line.what)
	}
	if s.holds() {
		fmt.Fprintf(w, "verdict: holds: %d tasks, %d effects, one each\n", s.tasks, s.effects)
		return
	}
	fmt.Fprintf(w, "verdict: DOES NOT HOLD: %d tasks without an effect, %d with several, %d effects of no task, %d dead letters, %d duplicates forced\n",
		s.missing, s.repeated, s.unwritten, s.dead, s.duplicates())
	for i, finding := range s.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(s.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}
