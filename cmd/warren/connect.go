package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/warrenmq/warren/broker"
	"github.com/warrenmq/warren/config"
	"github.com/warrenmq/warren/internal/logging"
)

// connectTimeout bounds how long a command waits for a broker that is away.
const connectTimeout = 10 * time.Second

// load reads the configuration. Where no file was named and there is none, the defaults and the
// environment are the configuration.
func (c *cli) load() (*config.Config, error) {
	cfg, err := c.loadFile()
	if named, _ := c.getenv(config.EnvFile); errors.Is(err, fs.ErrNotExist) && c.file == "" && named == "" {
		cfg, err = config.Parse(config.DefaultFile, nil, c.getenv)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// loadQueues reads the configuration of a command that makes no sense without queues.
func (c *cli) loadQueues() (*config.Config, error) {
	cfg, err := c.loadFile()
	if err != nil {
		return nil, usageError{err}
	}
	if len(cfg.Queues) == 0 {
		return nil, usagef("%s: queues: there is none", cfg.File)
	}
	return cfg, nil
}

func (c *cli) loadFile() (*config.Config, error) {
	return config.LoadEnv(config.Locate(c.file, c.getenv), c.getenv)
}

// connect returns a client, which the caller closes.
func (c *cli) connect(ctx context.Context, cfg *config.Config) (*broker.Client, error) {
	tlsConfig, err := cfg.Broker.TLS.Load("broker.tls")
	if err != nil {
		return nil, err
	}
	log, err := c.log()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	client, err := broker.Connect(ctx, broker.Config{
		URLs: cfg.Broker.URLs, Management: cfg.Broker.Management, Prefix: cfg.Broker.Prefix, TLS: tlsConfig, Log: log,
	})
	if errors.Is(err, broker.ErrNotConnected) {
		return nil, oneLine{err}
	}
	return client, err
}

// log returns what is logged to: nothing, since the errors say it, unless the environment wants it.
func (c *cli) log() (*slog.Logger, error) {
	if level, _ := c.getenv(logging.EnvLevel); level == "" {
		return slog.New(slog.DiscardHandler), nil
	}
	level, err := logging.Level(c.getenv)
	if err != nil {
		return nil, usageError{err}
	}
	return logging.New(c.stderr, level), nil
}

// oneLine is an error whose text of several lines, as errors that were joined have it, is told in one.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", ": ") }

func (e oneLine) Unwrap() error { return e.error }
