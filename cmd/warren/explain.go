package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/routing"
)

// explanation is why one queue wants a key and what runs its task there.
type explanation struct {
	Key   string `json:"key"`
	Queue string `json:"queue"`
	// Routes are the patterns by which the queue wants the key, the most specific first.
	Routes []string `json:"routes"`
	// Handler is the one that wins; nil where no pattern matches, or the handlers are a Go program's.
	Handler *handlerInfo `json:"handler"`
	// Others match too, the most specific first.
	Others []otherHandler `json:"others,omitempty"`

	configured bool // the queue has handlers in the file
}

// otherHandler is a handler that matches and does not win.
type otherHandler struct {
	handlerInfo
	// Why tells what puts the winner before it.
	Why string `json:"why"`
}

func (c *cli) explain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain KEY",
		Short: "Show which queues want a key, which handler runs it there, and why",
		Long: "Explain reads the configuration alone and asks no broker.\n" +
			"Its exit code is 1 where no queue wants the key, or one that does has no handler for it.",
		Example: "  warren routes explain email.welcome.eu",
		Args:    cobra.ExactArgs(1),
		RunE: c.begin(func(_ context.Context, args []string) error {
			if err := routing.ValidateKey(args[0]); err != nil {
				return err
			}
			cfg, err := c.loadQueues()
			if err != nil {
				return err
			}
			found, err := explain(cfg, args[0])
			if err != nil {
				return err
			}
			return c.printExplanations(cfg, args[0], found, asJSON)
		}),
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// explain returns one explanation a queue that wants the key, in the order of the configuration.
func explain(cfg *config.Config, key string) ([]explanation, error) {
	var found []explanation
	for _, match := range cfg.Spec().Matches(key) {
		e := explanation{Key: key, Queue: match.Queue}
		for _, p := range match.Patterns {
			e.Routes = append(e.Routes, p.String())
		}
		for i := range cfg.Queues {
			if cfg.Queues[i].Name == match.Queue {
				if err := e.choose(&cfg.Queues[i]); err != nil {
					return nil, err
				}
			}
		}
		found = append(found, e)
	}
	return found, nil
}

// choose finds the handler as the queue's mux does.
func (e *explanation) choose(q *config.Queue) error {
	handlers, err := handlersOf(q)
	if err != nil {
		return err
	}
	e.configured = len(handlers) > 0
	for _, h := range handlers {
		switch {
		case !h.pattern.Match(e.Key):
		case e.Handler == nil:
			e.Handler = &h
		default:
			e.Others = append(e.Others, otherHandler{h, precedence(e.Handler.pattern, h.pattern)})
		}
	}
	return nil
}

// precedence tells by what a pattern goes before another, as routing.Pattern.Compare has it.
func precedence(first, second routing.Pattern) string {
	a, b := strings.Split(first.String(), "."), strings.Split(second.String(), ".")
	for i := range min(len(a), len(b)) {
		if x, y := wordKind(a[i]), wordKind(b[i]); x != y {
			return fmt.Sprintf("word %d: %s before %s", i+1, x, y)
		}
	}
	if len(a) > len(b) {
		return "the longer before the shorter"
	}
	return "equally specific: by the alphabet"
}

func wordKind(word string) string {
	if word == "*" || word == "#" {
		return word
	}
	return "a literal"
}

// printExplanations writes what was found; that there is no queue, or no handler, is a finding.
func (c *cli) printExplanations(cfg *config.Config, key string, found []explanation, asJSON bool) error {
	var out strings.Builder
	lines := c.lines()
	finding := len(found) == 0
	if finding {
		names := cfg.Spec().Names
		fmt.Fprintf(&out, "no queue of %s wants %s\n", cfg.File, key)
		fmt.Fprintf(&out, "  %s, the entrance of Go programs and of warren enqueue, refuses it as unroutable\n", names.Strict())
		fmt.Fprintf(&out, "  %s, the entrance of everybody, parks it in %s\n", names.Tasks(), names.Unrouted())
	}
	for _, e := range found {
		finding = finding || e.configured && e.Handler == nil
		if asJSON {
			if err := lines.Encode(e); err != nil {
				return err
			}
			continue
		}
		e.write(&out)
	}
	if !asJSON {
		if _, err := fmt.Fprint(c.stdout, out.String()); err != nil {
			return err
		}
	}
	if finding {
		return errFinding
	}
	return nil
}

// write writes the explanation for people.
func (e *explanation) write(out *strings.Builder) {
	fmt.Fprintf(out, "queue %s wants %s\n", e.Queue, e.Key)
	fmt.Fprintf(out, "  by       %s\n", strings.Join(e.Routes, ", "))
	switch {
	case e.Handler != nil:
		fmt.Fprintf(out, "  handler  %s: %s\n", e.Handler.Pattern, e.Handler.runs())
	case e.configured:
		fmt.Fprintf(out, "  handler  none matches: the task will be dead, with the reason no-handler\n")
	default:
		fmt.Fprintf(out, "  handler  a Go program's own\n")
	}
	for _, other := range e.Others {
		fmt.Fprintf(out, "  before   %s: %s (%s)\n", other.Pattern, other.runs(), other.Why)
	}
}
