package deadletter_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/warrenmq/warren/deadletter"
	"github.com/warrenmq/warren/routing"
	"github.com/warrenmq/warren/tasks"
)

// pile is a queue of letters, and how many of them the last look was allowed.
type pile struct {
	queue   string
	letters []tasks.Message
	err     error
	limit   int
}

func (p *pile) Browse(_ context.Context, queue string, limit int, each func(tasks.Message) bool) error {
	p.queue, p.limit = queue, limit
	for i, m := range p.letters {
		if limit > 0 && i == limit || !each(m) {
			break
		}
	}
	return p.err
}

func pattern(t *testing.T, text string) routing.Pattern {
	t.Helper()
	p, err := routing.ParsePattern(text)
	require.NoError(t, err)
	return p
}

func TestList(t *testing.T) {
	p := &pile{letters: []tasks.Message{
		workerLetter(t, "1", "email.welcome", tasks.ReasonPermanent),
		workerLetter(t, "2", "email.welcome.eu", tasks.ReasonAttemptsExhausted),
		workerLetter(t, "3", "email.bye", tasks.ReasonPermanent),
		workerLetter(t, "3", "email.bye", tasks.ReasonNoHandler),
	}}
	for name, test := range map[string]struct {
		filter deadletter.Filter
		want   []string
		limit  int // that the browser is given
	}{
		"all":                  {deadletter.Filter{}, []string{"1", "2", "3", "3"}, 0},
		"limit":                {deadletter.Filter{Limit: 2}, []string{"1", "2"}, 2},
		"large limit":          {deadletter.Filter{Limit: 9}, []string{"1", "2", "3", "3"}, 9},
		"reason":               {deadletter.Filter{Reason: tasks.ReasonPermanent}, []string{"1", "3"}, 0},
		"reason and limit":     {deadletter.Filter{Reason: tasks.ReasonPermanent, Limit: 1}, []string{"1"}, 0},
		"key":                  {deadletter.Filter{Key: pattern(t, "email.welcome.#")}, []string{"1", "2"}, 0},
		"id":                   {deadletter.Filter{ID: "3"}, []string{"3", "3"}, 0},
		"error":                {deadletter.Filter{Error: "REFUSED"}, []string{"1", "2", "3", "3"}, 0},
		"error of none":        {deadletter.Filter{Error: "denied"}, nil, 0},
		"since":                {deadletter.Filter{Since: failedAt, Limit: 3}, []string{"1", "2", "3"}, 0},
		"schedule of none":     {deadletter.Filter{Schedule: "daily"}, nil, 0},
		"everything must hold": {deadletter.Filter{ID: "3", Reason: tasks.ReasonNoHandler, Key: pattern(t, "#")}, []string{"3"}, 0},
		"none":                 {deadletter.Filter{ID: "4"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			require.NoError(t, deadletter.List(t.Context(), p, "email.dead", test.filter, func(r deadletter.Record) bool {
				got = append(got, r.ID)
				return true
			}))
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.limit, p.limit)
			assert.Equal(t, "email.dead", p.queue)
		})
	}
}

func TestListStops(t *testing.T) {
	p := &pile{letters: make([]tasks.Message, 5), err: errors.New("lost")}
	seen := 0
	err := deadletter.List(t.Context(), p, "email.dead", deadletter.Filter{}, func(deadletter.Record) bool {
		seen++
		return seen < 3
	})
	assert.Equal(t, 3, seen)
	assert.ErrorIs(t, err, p.err)
}
