package promtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/warrenmq/warren/internal/guarded"
)

const startTimeout = 30 * time.Second

// Server is a private Prometheus that answers.
type Server struct {
	// URL is its address, without a trailing slash.
	URL string

	client  *http.Client
	private *guarded.Server
}

// Start starts a server of the configuration in a file, within 30 s. It keeps its data in a temporary
// folder. The caller closes it.
func (p Programs) Start(ctx context.Context, config string) (*Server, error) {
	s, err := p.start(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("promtest: start: %w", err)
	}
	return s, nil
}

func (p Programs) start(ctx context.Context, config string) (s *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	address, err := FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "warren-prometheus-")
	if err != nil {
		return nil, err
	}
	private, err := guarded.Start(guarded.Command{Folder: folder, Args: []string{
		p.Prometheus, "--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(folder, "data"),
		"--web.listen-address=" + address, "--log.level=warn",
	}})
	if err != nil {
		return nil, err
	}
	s = &Server{
		URL: "http://" + address, private: private, client: &http.Client{Transport: &http.Transport{}, Timeout: askTimeout},
	}
	err = private.Await(ctx, func(ctx context.Context) error {
		_, err := s.get(ctx, "/-/ready")
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// FreeAddress returns an address of 127.0.0.1 that nothing listened on a moment ago: for a server, or for what
// one is to scrape.
func FreeAddress(ctx context.Context) (string, error) { return guarded.FreeAddress(ctx) }

// Close ends the server and removes what it left, within 20 s. It does nothing when called again.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	if err := s.private.Close(); err != nil {
		return fmt.Errorf("promtest: %w", err)
	}
	return nil
}
