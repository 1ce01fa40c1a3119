package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/routing"
)

// queueRoutes is one queue: what it wants, and what runs it.
type queueRoutes struct {
	Queue    string        `json:"queue"`
	Routes   []string      `json:"routes"`
	Handlers []handlerInfo `json:"handlers"`
}

// handlerInfo is one handler, without what could hold a secret: arguments, credentials, queries.
type handlerInfo struct {
	Pattern string `json:"pattern"`
	Exec    string `json:"exec,omitempty"`
	HTTP    string `json:"http,omitempty"`

	pattern routing.Pattern
}

// runs says what the handler runs.
func (h *handlerInfo) runs() string {
	if h.HTTP != "" {
		return "http " + h.HTTP
	}
	return "exec " + h.Exec
}

// handlersOf returns the handlers of a queue, the most specific first.
func handlersOf(q *config.Queue) ([]handlerInfo, error) {
	infos := make([]handlerInfo, 0, len(q.Handlers))
	for _, h := range q.Handlers {
		p, err := routing.ParsePattern(h.Pattern)
		if err != nil {
			return nil, err
		}
		info := handlerInfo{Pattern: h.Pattern, pattern: p}
		if h.HTTP != nil {
			info.HTTP = broker.Redact(h.HTTP.URL)
		} else if len(h.Exec) > 0 {
			info.Exec = h.Exec[0]
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b handlerInfo) int { return a.pattern.Compare(b.pattern) })
	return infos, nil
}

func (c *cli) routes() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "routes",
		Short:   "Show which keys the configured queues want, and what runs them",
		Example: "  warren routes\n  warren routes explain email.welcome",
		Args:    cobra.NoArgs,
		RunE: c.begin(func(context.Context, []string) error {
			cfg, err := c.loadQueues()
			if err != nil {
				return err
			}
			queues, err := routesOf(cfg)
			if err != nil {
				return err
			}
			if asJSON {
				lines := c.lines()
				for _, q := range queues {
					if err := lines.Encode(q); err != nil {
						return err
					}
				}
				return nil
			}
			return c.printRoutes(queues)
		}),
	}
	jsonFlag(cmd, &asJSON)
	cmd.AddCommand(c.explain(), c.prune())
	return cmd
}

// routesOf returns the queues of a configuration, in its order.
func routesOf(cfg *config.Config) ([]queueRoutes, error) {
	var queues []queueRoutes
	for i := range cfg.Queues {
		q := &cfg.Queues[i]
		handlers, err := handlersOf(q)
		if err != nil {
			return nil, err
		}
		routes := queueRoutes{Queue: q.Name, Routes: []string{}, Handlers: handlers}
		for _, p := range q.Routes {
			routes.Routes = append(routes.Routes, p.String())
		}
		queues = append(queues, routes)
	}
	return queues, nil
}

// printRoutes writes a queue's routes and handlers beside each other.
func (c *cli) printRoutes(queues []queueRoutes) error {
	t := table{columns: []column{{title: "QUEUE"}, {title: "ROUTE"}, {title: "HANDLER"}, {title: "RUNS"}}}
	for _, q := range queues {
		for i := range max(1, len(q.Routes), len(q.Handlers)) {
			row := make([]string, 4)
			if i == 0 {
				row = []string{q.Queue, unknown, unknown, unknown}
			}
			if i < len(q.Routes) {
				row[1] = q.Routes[i]
			}
			if i < len(q.Handlers) {
				row[2], row[3] = q.Handlers[i].Pattern, q.Handlers[i].runs()
			}
			t.add(row...)
		}
	}
	return t.write(c.stdout, c.stdout.width())
}
