# `make` alone tells the targets. All of them find or start a RabbitMQ by themselves
# (internal/brokertest says how) and say what they install.

GO      ?= go
BIN     := $(CURDIR)/bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/warrenmq/warren/internal/version.set=$(VERSION)
# The linter is pinned here and built into bin/ once: its dependencies are no business of go.mod's.
LINT_VERSION := v2.15.0
LINT    := $(BIN)/golangci-lint-$(LINT_VERSION)
# One command runs another on a RabbitMQ that it finds or starts.
ON_BROKER := $(GO) run ./internal/brokertest/run
# What needs no RabbitMQ, but a PostgreSQL or a Prometheus, which internal/pgtest and internal/promtest
# find, start or install: tested once.
ON_POSTGRES := ./internal/pgtest ./idempotency
ON_PROMETHEUS := ./internal/promtest ./deploy
ONCE := $(ON_POSTGRES) $(ON_PROMETHEUS)
TEST_FLAGS ?= -race -timeout 9m

.DEFAULT_GOAL := help

.PHONY: help
help: ## Tell the targets.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build worker, scheduler and warren into bin/.
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

.PHONY: demo
demo: build-demo ## Run the main job on a real RabbitMQ and print what became of it.
	@$(BIN)/demo run

.PHONY: up
up: build-demo ## The same, and stay: tasks keep coming until Ctrl-C.
	@$(BIN)/demo up

.PHONY: clean-demo
clean-demo: build-demo ## Remove what the demo left in RabbitMQ, and the RabbitMQ that it started.
	@$(BIN)/demo clean

.PHONY: build-demo
build-demo: build
	@CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/demo ./examples/demo

# What waits most goes beside the rest: brokers that are started and stopped, PostgreSQL and Prometheus. Among the
# rest the longest packages come first, so that none of them is left to run alone at the end.
.PHONY: test
test: ## Run all tests, on every RabbitMQ that this machine can have, on PostgreSQL and Prometheus.
	@$(MAKE) --no-print-directory -j 2 test-each test-once

.PHONY: test-each
test-each:
	$(ON_BROKER) -each $(if $(REQUIRE),-require $(REQUIRE)) -- $(GO) test -p 3 $(TEST_FLAGS) -tags integration \
	  $$($(GO) list ./broker ./worker ./cmd/... ./... | grep -v /internal/brokertest | grep -vxF "$$($(GO) list $(ONCE))")

.PHONY: test-once
test-once:
	$(GO) test -p 1 $(TEST_FLAGS) -tags integration ./internal/brokertest/... $(ONCE)
	cd chaos && $(GO) test $(TEST_FLAGS) ./...

.PHONY: test-unit
test-unit: ## Run the tests that need no RabbitMQ.
	$(GO) test $(TEST_FLAGS) ./...
	cd bench && $(GO) test $(TEST_FLAGS) ./...
	cd chaos && $(GO) test $(TEST_FLAGS) ./...

# bench/ is a module of its own; BENCH are its flags, as in make bench BENCH='-short -check'.
.PHONY: bench
bench: ## Measure Warren beside a hand-written loop on a RabbitMQ (docs/benchmarks.md).
	cd bench && $(GO) run -ldflags '$(LDFLAGS)' . $(BENCH)

# PEERS are its flags, as in make bench-peers PEERS='-short -install'.
.PHONY: bench-peers
bench-peers: ## Measure Warren beside asynq, River, Celery and BullMQ, as far as they are here (docs/benchmarks.md).
	cd bench && $(GO) run -ldflags '$(LDFLAGS)' . peers $(PEERS)

# chaos/ is a module of its own.
# CHAOS are the command's flags; SHORT=1 makes it less than 2 minutes a broker, LONG=1 half an hour and a million
# tasks, SEED=N repeats a plan.
.PHONY: chaos
chaos: ## Strike workers, schedulers, connections and RabbitMQ under load, and account for every task and tick.
	cd chaos && $(GO) run . fault $(if $(SHORT),-short) $(if $(LONG),-long) $(if $(SEED),-seed $(SEED)) $(CHAOS)

# EFFECTS are the command's flags; SHORT=1 makes it some 15 s a broker, SEED=N repeats the faults.
.PHONY: effects
effects: ## Cut connections to RabbitMQ and PostgreSQL under load, and count every task's effects.
	cd chaos && $(GO) run . effects $(if $(SHORT),-short) $(if $(SEED),-seed $(SEED)) $(EFFECTS)

# TICKS are the command's flags; SHORT=1 makes it some 100 s a broker, SEED=N repeats the kills' moments.
.PHONY: ticks
ticks: ## Kill the leading scheduler and take RabbitMQ away, and account for every tick.
	cd chaos && $(GO) run . ticks $(if $(SHORT),-short) $(if $(SEED),-seed $(SEED)) $(TICKS)

.PHONY: ticks-cluster
ticks-cluster: ## The same on three nodes in containers, of which one is killed and one frozen.
	cd chaos && $(GO) run . ticks -broker cluster $(if $(SHORT),-short) $(TICKS)

# CLUSTER are the command's flags, as in make cluster CLUSTER='-broker node -only partition'; SHORT=1 makes it some 2
# minutes a kind of node, SEED=N strikes the same nodes.
.PHONY: cluster
cluster: ## Kill, cut off and restart nodes of a cluster under load, and account for every task, tick and stall.
	cd chaos && $(GO) run . cluster $(if $(SHORT),-short) $(if $(SEED),-seed $(SEED)) $(CLUSTER)

# LETTERS are the command's flags; SHORT=1 makes it some 20 s a broker, SEED=N repeats the tasks.
.PHONY: letters
letters: ## Kill a replay of dead letters half way, run it again, and account for every letter.
	cd chaos && $(GO) run . letters $(if $(SHORT),-short) $(if $(SEED),-seed $(SEED)) $(LETTERS)

# ALERTS are the command's flags; SHORT=1 makes it faster, and leaves out what takes long.
.PHONY: alerts
alerts: ## Have one thing after the other go wrong under Prometheus, and account for every alert.
	cd chaos && $(GO) run . alerts $(if $(SHORT),-short) $(ALERTS)

.PHONY: alerts-check
alerts-check: ## Have promtool check the alerts and run their tests (docs/alerts.md).
	$(GO) test -timeout 6m -count=1 -tags integration $(ON_PROMETHEUS)

# SOAK are the command's flags; SHORT=1 makes it about a minute.
.PHONY: soak
soak: ## Publish 2,000 tasks a second for an hour, and judge whether anything grows.
	cd chaos && $(GO) run . soak $(if $(SHORT),-short) $(SOAK)

CHUNKS ?= 1000
.PHONY: batch
batch: ## Enqueue a batch of CHUNKS (1000), kill its enqueuer and a worker on the way, and count what is done.
	$(ON_BROKER) -each -- $(GO) test -timeout 9m -tags integration ./cmd/worker -run '^TestBatch$$' -v -chunks $(CHUNKS)

# FUZZ picks some: packages as in go test, names of targets.
FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s), or those of FUZZ='./routing' or FUZZ=FuzzPattern.
	@$(GO) run ./internal/fuzzrun -time $(FUZZTIME) $(FUZZ)

.PHONY: lint
lint: $(LINT) ## Check format, imports and style.
	$(LINT) run ./...
	cd bench && $(LINT) run ./...
	cd chaos && $(LINT) run ./...

$(LINT):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv $(BIN)/golangci-lint $@

.PHONY: clean
clean: ## Remove what was built.
	rm -rf $(BIN)
