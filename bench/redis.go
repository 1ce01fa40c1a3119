package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/warrenmq/warren/internal/guarded"
)

const (
	redisProgram      = "redis-server"
	redisStartTimeout = 30 * time.Second
)

// redisSettings are what differs from Redis's defaults: it appends each write to a file, which it forces to
// disk once a second.
var redisSettings = []string{"--appendonly", "yes", "--appendfsync", "everysec", "--save", ""}

// redisServer is a private Redis.
type redisServer struct {
	*guarded.Server
	address string
	version string
}

// startRedis starts a private Redis that listens on 127.0.0.1 only and keeps its data in a temporary folder.
func startRedis(ctx context.Context) (*redisServer, error) {
	program, err := exec.LookPath(redisProgram)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, redisStartTimeout)
	defer cancel()
	address, err := guarded.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "warren-redis-")
	if err != nil {
		return nil, err
	}
	server, err := guarded.Start(guarded.Command{
		Args:   append([]string{program, "--bind", host, "--port", port, "--dir", folder}, redisSettings...),
		Folder: folder,
	})
	if err != nil {
		return nil, err
	}
	r := &redisServer{Server: server, address: address}
	err = server.Await(ctx, func(ctx context.Context) (err error) {
		r.version, err = askRedis(ctx, address)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return r, nil
}

// askRedis returns the version of a server that answers.
func askRedis(ctx context.Context, address string) (version string, err error) {
	client := redis.NewClient(&redis.Options{Addr: address})
	defer func() { err = errors.Join(err, client.Close()) }()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(info) {
		if version, found := strings.CutPrefix(line, "redis_version:"); found {
			return strings.TrimSpace(version), nil
		}
	}
	return "", fmt.Errorf("%s tells no version", address)
}

// clear removes everything.
func (r *redisServer) clear(ctx context.Context) (err error) {
	client := redis.NewClient(&redis.Options{Addr: r.address, ReadTimeout: redisStartTimeout})
	defer func() { err = errors.Join(err, client.Close()) }()
	return client.FlushAll(ctx).Err()
}
