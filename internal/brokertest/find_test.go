package brokertest

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestClimb(t *testing.T) {
	had := &Broker{Source: "had"}
	gives := func(context.Context, Options) (*Broker, error) { return had, nil }
	fails := func(text string) func(context.Context, Options) (*Broker, error) {
		return func(context.Context, Options) (*Broker, error) { return nil, errors.New(text) }
	}
	refuses := func(context.Context, Options) (*Broker, error) {
		return nil, permanentError{errors.New("it was named and does not answer")}
	}
	for name, test := range map[string]struct {
		rungs   []rung
		out     string
		wantErr string // empty: the broker is had
	}{
		"the first that gives one": {
			rungs: []rung{{"one", gives}, {"two", refuses}},
		},
		"each failure is one line": {
			rungs: []rung{{"one", fails("no luck\nwith details")}, {"two", fails("none")}, {"three", gives}},
			out:   "brokertest: one: no luck\nbrokertest: two: none\n",
		},
		"a named one that fails ends it": {
			rungs:   []rung{{"one", refuses}, {"two", gives}},
			wantErr: "it was named and does not answer",
		},
		"all fail": {
			rungs:   []rung{{"one", fails("no luck\nwith details")}, {"two", fails("none")}},
			out:     "brokertest: one: no luck\nbrokertest: two: none\n",
			wantErr: "no RabbitMQ can be had:\n  one: no luck\nwith details\n  two: none",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			b, err := climb(t.Context(), Options{Out: &out}, test.rungs)
			if out.String() != test.out {
				t.Errorf("told %q, want %q", out.String(), test.out)
			}
			switch {
			case test.wantErr == "" && (err != nil || b != had):
				t.Errorf("got %v, %v", b, err)
			case test.wantErr != "" && (err == nil || !strings.HasSuffix(err.Error(), test.wantErr)):
				t.Errorf("error %v, want …%s", err, test.wantErr)
			}
			if all := name == "all fail"; errors.Is(err, ErrNoBroker) != all {
				t.Errorf("errors.Is(%v, ErrNoBroker) = %v", err, !all)
			}
		})
	}
}

func TestClimbEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := climb(ctx, Options{}.withDefaults(), []rung{
		{"one", func(context.Context, Options) (*Broker, error) {
			cancel()
			return nil, errors.New("interrupted")
		}},
		{"two", func(context.Context, Options) (*Broker, error) {
			t.Error("went on after the context ended")
			return nil, nil
		}},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
