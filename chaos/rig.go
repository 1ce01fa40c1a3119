package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/internal/brokertest"
	"github.com/warrenmq/warren/routing"
)

// rig is what a run has opened: its client of the broker, its processes, and what they write to.
type rig struct {
	clientLog *os.File
	client    *broker.Client
	consumer  *broker.Consumer
	ledger    *ledger
	crew      *crew
}

// close ends what is left of all that was opened.
func (r *rig) close() error {
	var err error
	if r.crew != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		err = r.crew.stop(ctx)
	}
	if r.consumer != nil {
		r.consumer.Close()
	}
	if r.client != nil {
		r.client.Close()
	}
	if r.ledger != nil {
		err = errors.Join(err, r.ledger.close())
	}
	if r.clientLog != nil {
		err = errors.Join(err, r.clientLog.Close())
	}
	return err
}

// connect returns a client with a topology declared.
func connect(ctx context.Context, urls []string, management string, spec routing.Spec, log io.Writer) (*broker.Client, error) {
	client, err := broker.Connect(ctx, broker.Config{
		URLs: urls, Management: management, Name: "chaos", BackoffMax: time.Second,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return nil, err
	}
	if err := client.Declare(ctx, spec); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// connectTo returns a client with the topology of one queue of workers declared.
func connectTo(ctx context.Context, b *brokertest.Broker, url string, log io.Writer) (*broker.Client, error) {
	pattern, err := routing.ParsePattern(route)
	if err != nil {
		return nil, err
	}
	spec := routing.Spec{Queues: []routing.QueueSpec{{Name: queueName, Routes: []routing.Pattern{pattern}}}}
	return connect(ctx, []string{url}, b.Management, spec, log)
}
