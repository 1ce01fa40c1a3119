package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/warrenmq/warren/routing"
)

// maxFindings is how many findings are told one by one.
const maxFindings = 10

// showQueue is the queue whose dead letters the reader is invited to look at.
const showQueue = "demo.email"

// report prints what became of the tasks. ended is what was wrong with the end of the processes.
func (d *demo) report(b *balance, ended error) {
	fmt.Fprintln(d.out)
	b.table(d.kinds, d.stage.config.Spec()).write(d.out)
	fmt.Fprintln(d.out)
	b.writeMeasurements(d.out)
	if !d.stay && ended == nil {
		fmt.Fprintln(d.out, "processes:  scheduler and worker stopped when asked to, with exit status 0")
	}
	fmt.Fprintln(d.out, b)
	b.writeFindings(d.out)
	fmt.Fprintln(d.out)
	d.writeInvitation()
}

// table is the balance kind by kind.
func (b *balance) table(kinds []*kind, spec routing.Spec) *table {
	t := &table{
		header: []string{"kind", "key", "queue", "published", "done", "retried", "dead", "parked"},
		footer: append([]string{"all", "", ""}, b.total.cells()...),
		texts:  3,
	}
	for _, k := range kinds {
		if one := b.lines[k]; one != nil {
			t.rows = append(t.rows, append([]string{k.name, k.key, queueOf(spec, k.key)}, one.cells()...))
		}
	}
	return t
}

// cells are the numbers as text.
func (l line) cells() []string {
	var cells []string
	for _, n := range []int{l.published, l.done, l.retried, l.dead, l.parked} {
		cells = append(cells, strconv.Itoa(n))
	}
	return cells
}

// queueOf returns the queues that want a key.
func queueOf(spec routing.Spec, key string) string {
	var names []string
	for _, match := range spec.Matches(key) {
		names = append(names, match.Queue)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// writeMeasurements prints what was measured beside the balance.
func (b *balance) writeMeasurements(w io.Writer) {
	if late := b.lateness; len(late) > 0 {
		early := 0
		for _, l := range late {
			if l < 0 {
				early++
			}
		}
		fmt.Fprintf(w, "lateness:   %d delayed tasks arrived p50 %s, p99 %s, at most %s after their time, %d before it\n",
			len(late), millis(late.percentile(50)), millis(late.percentile(99)), millis(late.percentile(100)), early)
	}
	high, low := b.waits[kindHigh], b.waits[kindLow]
	fmt.Fprintf(w, "priorities: published at once to a busy queue, %d of priority 9 waited %s on average, %d of priority 1 %s\n",
		len(high), millis(high.mean()), len(low), millis(low.mean()))
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(b.reasons)) {
		reasons = append(reasons, fmt.Sprintf("%d %s", b.reasons[reason], reason))
	}
	fmt.Fprintf(w, "dead:       %s\n", cmp.Or(strings.Join(reasons, ", "), "none"))
	fmt.Fprintf(w, "ticks:      counted as published by what the scheduler's log says it emitted\n")
	fmt.Fprintf(w, "duplicates: %d runs beyond one an attempt\n", b.duplicates)
	if b.strays > 0 {
		fmt.Fprintf(w, "others:     %d tasks ran that are not of this count, such as later ticks\n", b.strays)
	}
}

// writeFindings prints the first of what is wrong.
func (b *balance) writeFindings(w io.Writer) {
	for i, finding := range b.findings {
		if i == maxFindings {
			fmt.Fprintf(w, "  and %d more\n", len(b.findings)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", finding)
	}
}

// writeInvitation prints where to look now.
func (d *demo) writeInvitation() {
	letters := routing.DeadQueue(showQueue)
	if address := d.venue.console(letters); address != "" {
		fmt.Fprintf(d.out, "The dead letters of %s in RabbitMQ's console (%s):\n  %s\n", showQueue, d.venue.login(), address)
	} else {
		fmt.Fprintf(d.out, "RabbitMQ's console does not answer here; the dead letters are in the queue %s.\n", letters)
	}
	fmt.Fprintln(d.out, "The same from the command line:")
	for _, variable := range d.venue.variables() {
		fmt.Fprintf(d.out, "  %s \\\n", variable)
	}
	fmt.Fprintf(d.out, "  ./bin/warren dead ls %s -c %s\n", showQueue, d.bin.config)
}
