package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"

	"github.com/warrenmq/warren/tasks"
)

// progressLineBytes bounds a line of progress.
const progressLineBytes = 4 << 10

// progressLines reads what a program tells of its progress: JSON objects, one a line. What is none of
// them is ignored, and told of once.
type progressLines struct {
	ctx  context.Context // the handler's: it is for one task
	log  *slog.Logger
	task *tasks.Task

	line    []byte // the beginning of one whose end has not come
	tooLong bool   // it is longer than it may be
	told    bool
}

func (p *progressLines) Write(b []byte) (int, error) {
	written := len(b)
	for {
		line, rest, ended := bytes.Cut(b, []byte{'\n'})
		if p.tooLong = p.tooLong || len(p.line)+len(line) > progressLineBytes; !p.tooLong {
			p.line = append(p.line, line...)
		}
		if !ended {
			return written, nil
		}
		p.end()
		b = rest
	}
}

// end takes the line that has come to its end.
func (p *progressLines) end() {
	var event struct {
		Percent *float64 `json:"percent"`
		Note    string   `json:"note"`
	}
	switch {
	case p.tooLong, len(bytes.TrimSpace(p.line)) > 0 && (json.Unmarshal(p.line, &event) != nil || event.Percent == nil):
		p.ignore()
	case event.Percent != nil:
		tasks.Progress(p.ctx, *event.Percent, event.Note)
	}
	p.line, p.tooLong = p.line[:0], false
}

// finish takes a last line without an end, once the program has succeeded.
func (p *progressLines) finish() {
	if len(p.line) > 0 || p.tooLong {
		p.end()
	}
}

func (p *progressLines) ignore() {
	if p.told {
		return
	}
	p.told = true
	p.log.Warn(`what a program writes to descriptor 3 is not progress, a line such as {"percent": 40, "note": "…"}; it is ignored`,
		"id", p.task.ID, "key", p.task.Key, "queue", p.task.Queue, "bytes", len(p.line))
}
