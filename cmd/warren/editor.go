package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// The errors of editing.
var (
	// errUnchanged is an editor that was left without a change.
	errUnchanged = errors.New("nothing was changed, and nothing was done")
	// errEnded is an editor that a signal to this process ended.
	errEnded = errors.New("ended by a signal, and nothing was done")
)

// afterEditor returns a context for what follows an editor, with all that ctx holds but its end: Ctrl-C
// within an editor, which ends the one that main made, was meant for the editor.
func afterEditor(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
}

// edit has the user edit a payload and returns what became of it. What was JSON must be JSON
// afterwards: somebody at a terminal may go on editing it. A payload that was not changed is
// [errUnchanged]. The file that is edited is its owner's alone and is removed, with whatever the
// editor left beside it. It blocks until the editor is left, whatever becomes of ctx, and what follows
// wants a context of [afterEditor].
func (c *cli) edit(ctx context.Context, payload []byte) (_ []byte, err error) {
	folder, err := os.MkdirTemp("", "warren-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	isJSON := json.Valid(payload)
	name := "payload.txt"
	if isJSON {
		name = "payload.json"
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, payload, 0o600); err != nil {
		return nil, err
	}
	for {
		if err := c.runEditor(path); err != nil {
			return nil, err
		}
		edited, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if !bytes.HasSuffix(payload, []byte("\n")) {
			edited = bytes.TrimSuffix(edited, []byte("\n")) // which editors add
		}
		if bytes.Equal(edited, payload) {
			return nil, errUnchanged
		}
		err = nil
		if isJSON {
			err = notJSON(name, edited)
		}
		if err == nil || !c.terminal {
			return edited, err
		}
		asking, stop := afterEditor(ctx)
		again, failed := c.confirm(asking, "warren: "+err.Error()+". Edit it again?")
		stop()
		if failed != nil || !again {
			return nil, cmp.Or(failed, err)
		}
	}
}

// runEditor runs the user's editor on a file, and blocks until it has ended.
func (c *cli) runEditor(path string) error {
	words := []string{"vi"}
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if value, _ := c.getenv(name); strings.TrimSpace(value) != "" {
			words = strings.Fields(value)
			break
		}
	}
	editor := exec.Command(words[0], append(words[1:], path)...)
	editor.Stdin, editor.Stdout, editor.Stderr = c.stdin, c.stderr, c.stderr
	if c.stdout.width() > 0 {
		editor.Stdout = c.stdout.Writer // a terminal, handed over as it is
	}
	// Until the file is removed no signal ends this process at once. Ctrl-C reaches the editor too, which
	// does with it what it does; other signals it is told.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := editor.Start(); err != nil {
		return fmt.Errorf("--edit: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- editor.Wait() }()
	killed := false
	for {
		select {
		case err := <-ended:
			if killed {
				err = errEnded
			}
			if err != nil {
				err = fmt.Errorf("--edit: %s: %w", words[0], err)
			}
			return err
		case s := <-signals:
			if s != os.Interrupt {
				killed = true
				_ = editor.Process.Kill() // it may have ended
			}
		}
	}
}
