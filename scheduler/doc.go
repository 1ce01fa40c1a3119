// Package scheduler emits tasks by the clock: entries that fire by a cron expression in a time zone,
// at an interval or once, each of whose ticks becomes one task. It owns when an entry fires, under
// which ID a tick's task travels, which missed ticks are caught up, and the loop that gets it all
// published.
//
// Any number of schedulers run, and one of them emits: the one that holds the lease (package lease).
// What it has emitted it writes to the ledger (package ledger), which the next one reads before it
// goes on. So each tick is emitted at least once, whatever dies, and always under one task ID.
//
// gocron drives the clock. It wakes an entry; what is emitted then is what a pure function says is
// due since the entry's last tick, so that no tick comes early or twice, however late or often the
// entry was woken.
//
// It knows neither a connection nor a file: tasks leave through a [tasks.Enqueuer], the lease and the
// ledger are in [Streams], and package config reads the entries.
package scheduler
