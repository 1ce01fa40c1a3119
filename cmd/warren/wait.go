package main

import (
	"context"
	"encoding/base64"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/tasks"
)

// The status of a task, in JSON.
const (
	statusEnqueued = "enqueued" // nobody waited
	statusDone     = "done"
	statusDead     = "dead"
	statusUnknown  = "unknown" // the waiting has ended before the task
)

// taskEnd is what there is to tell of a task, in JSON.
type taskEnd struct {
	ID           string       `json:"id"`
	Status       string       `json:"status"`
	ContentType  string       `json:"content_type,omitempty"`
	Result       *string      `json:"result,omitempty"`
	ResultBase64 string       `json:"result_base64,omitempty"`
	Reason       tasks.Reason `json:"reason,omitempty"`
	Error        string       `json:"error,omitempty"`
}

// newTaskEnd tells what came of waiting for a task that was enqueued.
func newTaskEnd(reply tasks.Reply, err error) taskEnd {
	end := taskEnd{ID: reply.ID, Status: statusDone}
	var remote *tasks.RemoteError
	switch {
	case errors.As(err, &remote):
		end.Reason, end.Error = remote.Reason, remote.Text
		if remote.Reason != "" {
			end.Status = statusDead
		}
	case err != nil:
		end.Status, end.Error = statusUnknown, err.Error()
	case utf8.Valid(reply.Body):
		text := string(reply.Body)
		end.ContentType, end.Result = reply.ContentType, &text
	default:
		end.ContentType, end.ResultBase64 = reply.ContentType, base64.StdEncoding.EncodeToString(reply.Body)
	}
	return end
}

// waitTimeout reads --timeout, 0 where there is none.
func waitTimeout(f *enqueueFlags) (time.Duration, error) {
	if f.timeout == "" {
		return 0, nil
	}
	if !f.wait {
		return 0, usagef("--timeout: it is how long --wait waits, which is not given")
	}
	timeout, err := config.ParseDuration(f.timeout)
	if err != nil {
		return 0, usagef("--timeout: %w", err)
	}
	if timeout <= 0 {
		return 0, usagef("--timeout: %s is not above 0", f.timeout)
	}
	return timeout, nil
}

// publishAndWait enqueues a task, tells its ID and progress on stderr, and prints its result.
func (c *cli) publishAndWait(ctx context.Context, t tasks.Task, timeout time.Duration, asJSON bool) error {
	traces, ctx, err := c.traces(ctx)
	if err != nil {
		return err
	}
	defer flush(traces)
	e, err := c.entrance(ctx, &t)
	if err != nil {
		return err
	}
	defer e.client.Close()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	enqueued := false
	bar := newProgressBar(c.stderr)
	waiter := traces.BeforeWaiter(e.cipher.BeforeWaiter(e.client), e.client.Names().Strict())
	at := c.now()
	reply, err := waiter.EnqueueAndWait(ctx, t, tasks.Wait{
		Enqueued: func(id string) {
			enqueued = true
			if !asJSON {
				c.notef("enqueued %s", id)
			}
			c.tellEnqueued(context.WithoutCancel(ctx), e, &t, id, at)
		},
		Progress: bar.show,
	})
	bar.clear()
	switch {
	case !enqueued:
		return enqueueError(t.Key, reply.ID, err)
	case asJSON:
		if failed := c.lines().Encode(newTaskEnd(reply, err)); failed != nil {
			return failed
		}
		if err != nil {
			return errFinding
		}
		return nil
	case errors.As(err, new(*tasks.RemoteError)):
		return errors.New(onOneLine(err.Error()))
	case err != nil:
		return err
	}
	body := reply.Body
	if len(body) > 0 && body[len(body)-1] != '\n' && c.stdout.width() > 0 {
		body = append(body, '\n') // for the eye alone: elsewhere a result is what it is
	}
	_, err = c.stdout.Write(body)
	return err
}
