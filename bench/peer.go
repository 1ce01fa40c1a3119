package main

import (
	"context"
	"crypto/sha256"
	_ "embed" // the programs of peers that are not written in Go
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/warrenmq/warren/internal/brokertest"
)

// The entrants among peers.
const (
	peerLoop          = "loop"
	peerWarren        = "Warren"
	peerAsynq         = "asynq"
	peerAsynqDefaults = "asynq, defaults"
	peerRiver         = "River"
	peerRiverDefaults = "River, defaults"
	peerCelery        = "Celery, prefork"
	peerCeleryThreads = "Celery, threads"
	peerBullMQ        = "BullMQ"
)

// peer is an entrant: a process of its own and the server that it works on.
type peer struct {
	name     string
	variant  string
	settings string // what differs from its defaults
	// needs says which site it works on.
	needs string
	// find returns how its process is run, or why it cannot be.
	find func(ctx context.Context, f finding) ([]string, error)
	// delays is whether it can delay tasks, and grows whether it is measured with a backlog.
	delays, grows bool

	command []string
	site    site
}

// The sites by their names.
const (
	siteRabbit      = "rabbitmq"
	sitePlainRabbit = "rabbitmq, empty"
	siteRedis       = "redis"
	sitePostgres    = "postgresql"
)

// finding is how peers are looked for.
type finding struct {
	install bool
	cache   string // a folder outside the tree
	scratch string // a temporary one
	log     io.Writer
}

// allPeers are the entrants that there may be. The first is the one that the others are compared with.
func allPeers() []*peer {
	return []*peer{
		{
			name: peerLoop, needs: siteRabbit, find: ourselves("loop"), grows: true,
			settings: "at most 2048 unconfirmed, prefetch 200, one goroutine, an ack for each task",
		},
		{
			name: peerWarren, needs: siteRabbit, find: ourselves("warren"), delays: true, grows: true,
			settings: "defaults: concurrency 10; EnqueueMany",
		},
		{
			name: peerAsynq, needs: siteRedis, find: ourselves("asynq"), delays: true, grows: true,
			settings: fmt.Sprintf("Concurrency 10, TaskCheckInterval %s, DelayedTaskCheckInterval %s; Enqueue by %d goroutines",
				asynqCheck, asynqDelayed, callers),
		},
		{
			name: peerAsynqDefaults, variant: variantDefaults, needs: siteRedis, find: ourselves("asynq"), delays: true,
			settings: fmt.Sprintf("Concurrency 10; Enqueue by %d goroutines", callers),
		},
		{
			name: peerRiver, needs: sitePostgres, find: ourselves("river"), delays: true, grows: true,
			settings: fmt.Sprintf("MaxWorkers 10, FetchCooldown %s, FetchPollInterval %s; InsertManyFast of %d", riverCooldown, riverPoll, riverBatch),
		},
		{
			name: peerRiverDefaults, variant: variantDefaults, needs: sitePostgres, find: ourselves("river"), delays: true,
			settings: fmt.Sprintf("MaxWorkers 10; InsertManyFast of %d", riverBatch),
		},
		{
			name: peerCelery, variant: "prefork", needs: sitePlainRabbit, find: findCelery, delays: true, grows: true,
			settings: celerySettings("10 processes"),
		},
		{
			name: peerCeleryThreads, variant: "threads", needs: sitePlainRabbit, find: findCelery, delays: true,
			settings: celerySettings("10 threads"),
		},
		{
			name: peerBullMQ, needs: siteRedis, find: findBullMQ, delays: true, grows: true,
			settings: "concurrency 10, addBulk of 1000, removeOnComplete",
		},
	}
}

func celerySettings(pool string) string {
	return pool + ", 10 publishing threads, task_acks_late, task_reject_on_worker_lost, task_ignore_result, prefetch 200, delivery_mode persistent, confirm_publish"
}

// ourselves is an entrant that is written in Go: this program, started again.
func ourselves(name string) func(context.Context, finding) ([]string, error) {
	return func(context.Context, finding) ([]string, error) {
		self, err := os.Executable()
		return []string{self, peerCommand, name}, err
	}
}

//go:embed peers/celery_bench.py
var celeryProgram []byte

// debianPython is the interpreter that Debian's packages are for.
const debianPython = "/usr/bin/python3"

// findCelery finds Debian's Celery.
func findCelery(ctx context.Context, f finding) ([]string, error) {
	const try, packages = "import celery, kombu", "celery"
	have := func() error {
		if said, err := exec.CommandContext(ctx, debianPython, "-c", try).CombinedOutput(); err != nil {
			return fmt.Errorf("%s has no Celery (apt-get install %s): %w: %s", debianPython, packages, err, lastLine(said))
		}
		return nil
	}
	if err := orInstall(ctx, f, packages, have); err != nil {
		return nil, err
	}
	program := filepath.Join(f.scratch, "celery_bench.py")
	return []string{debianPython, program}, os.WriteFile(program, celeryProgram, 0o600)
}

// orInstall installs a Debian package where something is not there, if that was asked for.
func orInstall(ctx context.Context, f finding, name string, have func() error) error {
	err := have()
	if err == nil || !f.install {
		return err
	}
	if failed := brokertest.Install(ctx, name, brokertest.Options{Out: f.log, In: os.Stdin}); failed != nil {
		return fmt.Errorf("%w, and it cannot be installed: %w", err, failed)
	}
	return have()
}

//go:embed peers/bullmq/package.json
var bullmqPackage []byte

//go:embed peers/bullmq/package-lock.json
var bullmqLock []byte

//go:embed peers/bullmq/bench.mjs
var bullmqProgram []byte

// findBullMQ finds BullMQ in the cache, of the versions that its lock file names.
func findBullMQ(ctx context.Context, f finding) ([]string, error) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("%w (apt-get install nodejs npm)", err)
	}
	sum := sha256.Sum256(bullmqLock)
	folder := filepath.Join(f.cache, "bullmq-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json")); err != nil {
		if !f.install {
			return nil, errors.New("BullMQ is not in the cache (-install has npm bring it there)")
		}
		if err := installBullMQ(ctx, folder, f.log); err != nil {
			return nil, err
		}
	}
	program := filepath.Join(folder, "bench.mjs")
	return []string{node, program}, os.WriteFile(program, bullmqProgram, 0o600)
}

func installBullMQ(ctx context.Context, folder string, log io.Writer) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"package.json": bullmqPackage, "package-lock.json": bullmqLock} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintln(log, "npm ci in", folder)
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, lastLine(said))
	}
	return nil
}

// lastLine is the last line of what a program has said.
func lastLine(said []byte) string {
	text := strings.TrimSpace(string(said))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
