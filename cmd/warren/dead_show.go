package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/tasks"
)

func (c *cli) deadShow() *cobra.Command {
	var f letterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show (QUEUE | --unrouted) --id ID",
		Short: "Show a dead letter whole, decrypted where there are keys",
		Long: "Show prints all that there is to tell of a letter, and leaves it where it is. With encryption.keyset in the\n" +
			"configuration the payload and the errors of an encrypted task are decrypted; headers stay as they are.",
		Example: "  warren dead show email --id 01a20294-28ba-7eb6-aa3f-826f8415d164",
		Args: func(cmd *cobra.Command, args []string) error {
			if f.id == "" {
				return errors.New("--id is wanted: dead ls tells the IDs")
			}
			return f.oneSource(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.unrouted, "unrouted", false, "a parked task that no queue wanted, instead of a queue's dead letter")
	flags.StringVar(&f.id, "id", "", "the `ID` of the task")
	jsonFlag(cmd, &asJSON)
	cmd.RunE = c.begin(func(ctx context.Context, args []string) error {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		cipher, err := cfg.Encryption.Load()
		if err != nil {
			return err
		}
		client, queue, err := c.connectTo(ctx, cfg, &f, args)
		if err != nil {
			return err
		}
		defer client.Close()
		var letters []deadletter.Record
		err = deadletter.List(ctx, client, queue, deadletter.Filter{ID: f.id}, func(r deadletter.Record) bool {
			letters = append(letters, r)
			return true
		})
		if err != nil {
			return undeclared(err)
		}
		if len(letters) == 0 {
			return fmt.Errorf("no letter in %s is of a task with the ID %q", queue, f.id)
		}
		for i := range letters {
			c.decrypt(&letters[i], cipher)
			if asJSON {
				err = c.lines().Encode(letters[i])
			} else {
				err = c.showLetter(&letters[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return cmd
}

// decrypt decrypts a letter, as far as it is encrypted and there are keys, and says where it cannot.
func (c *cli) decrypt(r *deadletter.Record, cipher config.Cipher) {
	id := keyID(r)
	switch {
	case id == "":
		return
	case cipher.Keys == nil:
		c.notef("%s is encrypted with key %s, and the configuration has no encryption.keyset", r.ID, id)
		return
	}
	t := tasks.Task{ID: r.ID, Key: r.Key, KeyID: id, Payload: r.Body()}
	for i, text := range r.Errors {
		r.Errors[i] = cipher.Keys.OpenError(&t, text)
	}
	r.Error = cipher.Keys.OpenError(&t, r.Error)
	opened, err := cipher.Keys.Open(&t)
	if err != nil {
		c.notef("%s: %v", r.ID, err)
		return
	}
	r.SetBody(opened.Payload)
}

// showLetter prints a letter for people.
func (c *cli) showLetter(r *deadletter.Record) error {
	failed := unknown
	if !r.FailedAt.IsZero() {
		failed = r.FailedAt.Format(time.RFC3339) + ", " + age(c.now(), r.FailedAt)
	}
	var out sheet
	out.line("id", r.ID)
	out.line("key", r.Key)
	out.line("queue", r.Queue)
	out.line("reason", string(r.Reason))
	out.line("attempt", strconv.Itoa(r.Attempt))
	out.line("priority", strconv.Itoa(r.Priority))
	out.line("failed", failed)
	out.line("worker", r.Worker)
	if r.Schedule != "" {
		out.line("schedule", r.Schedule)
	}
	out.line("error", r.Error)
	out.line("errors", strings.Join(r.Errors, "\n"))
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		if name != tasks.HeaderError && name != tasks.HeaderErrors { // which are above
			headers = append(headers, fmt.Sprintf("%s: %v", name, r.Headers[name]))
		}
	}
	out.line("headers", strings.Join(headers, "\n"))
	if r.PayloadBase64 != "" {
		out.line("payload", "in base64\n"+r.PayloadBase64)
	} else {
		out.line("payload", r.Payload)
	}
	_, err := fmt.Fprint(c.stdout, out.String())
	return err
}
