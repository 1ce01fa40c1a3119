package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

const (
	// riverCooldown is the least time between two of River's fetches, and riverPoll the most: the former is the least
	// that River accepts.
	riverCooldown = river.FetchCooldownMin
	riverPoll     = 100 * time.Millisecond
	// riverConnections is the size of its pool: one for each task that runs, and some for itself.
	riverConnections = concurrency + 4
	// riverBatch is how many jobs are inserted by one COPY.
	riverBatch = 10_000
	// riverStop is how long a worker may take to stop.
	riverStop = 30 * time.Second
)

// riverJob is a job's arguments.
type riverJob struct {
	ID  string `json:"id,omitempty"`
	Pad string `json:"pad"`
}

// Kind is the name of the job's kind.
func (riverJob) Kind() string { return "bench" }

// riverSystem is River on pgx.
type riverSystem struct {
	pool    *pgxpool.Pool
	variant string
	pad     string
	client  *river.Client[pgx.Tx] // inserts only
}

func openRiver(ctx context.Context, url, variant string, body []byte) (system, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = riverConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &riverSystem{pool: pool, variant: variant, pad: string(body[len(`{"pad":"`) : len(body)-len(`"}`)])}
	if err := s.prepare(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

// prepare makes River's tables, and a client that inserts.
func (s *riverSystem) prepare(ctx context.Context) error {
	quiet := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(riverpgxv5.New(s.pool), &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	s.client, err = river.NewClient(riverpgxv5.New(s.pool), &river.Config{Logger: quiet})
	return err
}

func (s *riverSystem) enqueue(ctx context.Context, count int, due time.Time) error {
	for done := 0; done < count; {
		jobs := make([]river.InsertManyParams, min(riverBatch, count-done))
		for i := range jobs {
			jobs[i] = river.InsertManyParams{Args: riverJob{Pad: s.pad}, InsertOpts: &river.InsertOpts{ScheduledAt: due}}
		}
		if _, err := s.client.InsertManyFast(ctx, jobs); err != nil {
			return err
		}
		done += len(jobs)
	}
	return nil
}

func (s *riverSystem) one(ctx context.Context, id string, due time.Time) error {
	_, err := s.client.Insert(ctx, riverJob{ID: id, Pad: s.pad}, &river.InsertOpts{ScheduledAt: due})
	return err
}

func (s *riverSystem) work(ctx context.Context, handle func(id string)) (func() error, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[riverJob]) error {
		handle(job.Args.ID)
		return nil
	}))
	config := &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: concurrency}},
		Workers: workers, Logger: slog.New(slog.DiscardHandler),
	}
	if s.variant != variantDefaults {
		config.FetchCooldown, config.FetchPollInterval = riverCooldown, riverPoll
	}
	client, err := river.NewClient(riverpgxv5.New(s.pool), config)
	if err != nil {
		return nil, err
	}
	if err := client.Start(ctx); err != nil {
		return nil, err
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), riverStop)
		defer cancel()
		if err := client.Stop(ctx); err != nil {
			return errors.Join(err, client.StopAndCancel(ctx))
		}
		return nil
	}, nil
}

func (s *riverSystem) close() error {
	s.pool.Close()
	return nil
}
