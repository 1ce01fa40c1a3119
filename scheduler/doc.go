// Package scheduler emits tasks by the clock: entries that fire by a cron expression in a time zone,
// at an interval or once, each of whose ticks becomes one task. It owns when an entry fires, under which ID a tick's task
// travels, and the loop that gets it published.
//
// gocron drives the clock. It wakes an entry; what is emitted then is what a pure function says is
// due since the entry's last tick, so that no tick comes early or twice, however late or often the
// entry was woken.
//
// It knows neither a connection nor a file: tasks leave through a [tasks.Enqueuer], and package
// config reads the entries. What was due while no scheduler ran is not emitted.
package scheduler
