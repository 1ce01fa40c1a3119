package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

const (
	// Image is the container image that a broker of the flavour Container runs.
	Image = "rabbitmq:4.3-management"

	dockerTimeout = 10 * time.Second
	pullTimeout   = 60 * time.Second
)

// settleTestcontainers sets what testcontainers reads once for the whole process: its reaper is
// off, since we remove what we start and its image may not be had; it logs nothing; and in a
// container that uses a daemon beside it, published ports are on the loopback.
var settleTestcontainers = sync.OnceFunc(func() {
	log.SetDefault(log.NewNoopLogger())
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	remote := os.Getenv("DOCKER_HOST") != "" && !strings.HasPrefix(os.Getenv("DOCKER_HOST"), "unix:")
	if _, set := os.LookupEnv("TESTCONTAINERS_HOST_OVERRIDE"); !set && !remote && inContainer() {
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}
})

// inContainer says whether this process runs in a container of Docker or Podman.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// dialDocker returns a client of a Docker daemon that answers.
func dialDocker(ctx context.Context) (*client.Client, error) {
	settleTestcontainers()
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("no Docker daemon answers: %w", err)
	}
	if _, err := docker.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(fmt.Errorf("no Docker daemon answers: %w", err), docker.Close())
	}
	return docker.Client, nil
}

// onThisMachine says whether the daemon publishes ports on this machine.
func onThisMachine(docker *client.Client) bool {
	address, err := url.Parse(docker.DaemonHost())
	return err == nil && address.Scheme == "unix"
}

// provide makes sure that the daemon has the image, and pulls it where it has not.
func provide(ctx context.Context, docker *client.Client, image string, out io.Writer) error {
	_, err := docker.ImageInspect(ctx, image)
	if err == nil {
		return nil
	}
	if !errdefs.IsNotFound(err) {
		return fmt.Errorf("image %s: %w", image, err)
	}
	fmt.Fprintf(out, "brokertest: pulling %s (at most %s)\n", image, pullTimeout)
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	pull, err := docker.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return fmt.Errorf("image %s is not here and cannot be pulled: %w", image, err)
	}
	defer pull.Close()
	if err := pull.Wait(ctx); err != nil {
		return fmt.Errorf("image %s is not here and cannot be pulled: %w", image, err)
	}
	return nil
}
