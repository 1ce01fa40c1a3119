package broker

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Answer is what the management API tells of one thing, or why it does not: an error that is
// [ErrNoManagement].
type Answer[T any] struct {
	Value T
	Err   error
}

// Survey is what the management API tells the inspector's user. Each part has an error of its own: the
// tag `management` is enough for most of it, Nodes needs `monitoring`, Permissions `administrator`, and
// Flags does before RabbitMQ 4.
type Survey struct {
	// Clock is how far the clock of the node that was asked is ahead of this machine's.
	Clock       Answer[Skew]
	Version     Answer[string]
	Alarms      Answer[[]Alarm]
	Nodes       Answer[[]NodeInfo]
	Flags       Answer[[]FeatureFlag]
	Exchanges   Answer[[]ExchangeInfo]
	Queues      Answer[[]QueueInfo]
	Bindings    Answer[[]BindingInfo]
	Consumers   Answer[[]ConsumerInfo]
	Policies    Answer[[]PolicyInfo]
	Operator    Answer[[]PolicyInfo]
	Permissions Answer[Permissions]
}

// surveyAtOnce bounds how many requests are under way.
const surveyAtOnce = 4

// Survey asks the management API for everything that concerns the virtual host, in a dozen requests, and
// for what a user may do there; an empty name leaves that out. The numbers of queues are up to 5 s old.
// It blocks until all have been answered, each within 5 s, or ctx is done.
func (i *Inspector) Survey(ctx context.Context, user string) Survey {
	var s Survey
	m, vhost := i.management, url.PathEscape(i.management.vhost)
	places := make(chan struct{}, surveyAtOnce)
	var asked sync.WaitGroup
	ask := func(errand func()) {
		asked.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			errand()
		})
	}
	s.Version.Value, s.Clock, s.Version.Err = m.overview(ctx)
	if s.Version.Err != nil { // told of once, and not waited for a dozen times
		return unreachable(s.Version.Err)
	}
	ask(func() { s.Queues = m.queues(ctx) })
	ask(func() { s.Bindings = m.bindings(ctx) })
	ask(func() { s.Alarms = m.alarms(ctx) })
	ask(func() { s.Nodes = listed[NodeInfo](ctx, m, "/api/nodes?columns="+nodeColumns) })
	ask(func() { s.Flags = listed[FeatureFlag](ctx, m, "/api/feature-flags") })
	ask(func() {
		s.Exchanges = listed[ExchangeInfo](ctx, m, "/api/exchanges/"+vhost+"?columns="+exchangeColumns)
	})
	ask(func() { s.Consumers = m.consumers(ctx) })
	ask(func() { s.Policies = listed[PolicyInfo](ctx, m, "/api/policies/"+vhost) })
	ask(func() { s.Operator = listed[PolicyInfo](ctx, m, "/api/operator-policies/"+vhost) })
	if user != "" {
		ask(func() {
			s.Permissions.Err = m.get(ctx, "/api/permissions/"+vhost+"/"+url.PathEscape(user), &s.Permissions.Value)
		})
	}
	asked.Wait()
	return s
}

// listed asks for a list.
func listed[T any](ctx context.Context, m *management, path string) (a Answer[[]T]) {
	a.Err = m.get(ctx, path, &a.Value)
	return a
}

// unreachable is a survey of nothing.
func unreachable(err error) (s Survey) {
	s.Clock.Err, s.Version.Err, s.Alarms.Err, s.Nodes.Err, s.Flags.Err = err, err, err, err, err
	s.Exchanges.Err, s.Queues.Err, s.Bindings.Err, s.Consumers.Err = err, err, err, err
	s.Policies.Err, s.Operator.Err, s.Permissions.Err = err, err, err
	return s
}

// Skew bounds how far another clock is ahead of this machine's.
type Skew struct{ Least, Most time.Duration }

// dateLag is how old the date in an answer may be: RabbitMQ's web server looks at the clock once a second.
const dateLag = time.Second

// overview asks for the version, and compares clocks by the date of the answer.
func (m *management) overview(ctx context.Context) (version string, clock Answer[Skew], err error) {
	sent := time.Now()
	const path = "/api/overview"
	response, err := m.ask(ctx, path)
	if err != nil {
		return "", clock, err
	}
	defer m.done(response)
	clock.Value, clock.Err = skewOf(response.Header, sent, time.Now())
	var overview struct {
		Version string `json:"rabbitmq_version"`
	}
	if response.StatusCode != http.StatusOK {
		return "", clock, fmt.Errorf("%w: GET %s%s: %s", ErrNoManagement, m.base, path, response.Status)
	}
	err = m.read(response, &overview)
	return overview.Version, clock, err
}

// skewOf reads the date, in whole seconds, of an answer to a request that was sent and answered at two times.
func skewOf(header http.Header, sent, came time.Time) (Skew, error) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return Skew{}, fmt.Errorf("%w: the answer's date: %w", ErrNoManagement, err)
	}
	return Skew{Least: date.Sub(came), Most: date.Add(time.Second + dateLag).Sub(sent)}, nil
}
