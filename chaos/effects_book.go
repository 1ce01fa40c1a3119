package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// The book is a file to which the workers of effects append a line for whatever becomes of a
// delivery, as in the ledger: PROCESS ENTRY ID.
const (
	entryDelivered   = "delivered"   // the middleware is asked
	entryRun         = "run"         // the handler runs
	entryDone        = "done"        // not run: done already
	entryBusy        = "busy"        // not run: another runs it
	entryUnavailable = "unavailable" // not run: PostgreSQL could not be asked
	entryCommitted   = "committed"   // the handler has committed, and knows it
	entryFenced      = "fenced"      // the handler has not committed: the claim was lost
	entryFailed      = "failed"      // the handler has failed, and may have committed
)

// book writes the lines of one process. It is safe for use by any number of goroutines.
type book struct {
	process string
	file    *os.File
}

func openBook(path, process string) (*book, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &book{process: process, file: file}, nil
}

func (b *book) enter(entry, id string) error {
	_, err := fmt.Fprintf(b.file, "%s %s %s\n", b.process, entry, id)
	return err
}

func (b *book) close() error { return b.file.Close() }

// readBook counts the entries of a book, and those of each task.
func readBook(path string) (all map[string]int, byTask map[string]map[string]int, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	all, byTask = map[string]int{}, map[string]map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			return nil, nil, fmt.Errorf("line %q of the book: not three words", lines.Text())
		}
		entry, id := fields[1], fields[2]
		all[entry]++
		if byTask[id] == nil {
			byTask[id] = map[string]int{}
		}
		byTask[id][entry]++
	}
	return all, byTask, lines.Err()
}
