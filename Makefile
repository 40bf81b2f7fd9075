# Kehu from a fresh clone: `make help` says what there is. Everything happens in .venv and .run, both disposable.
SHELL := /bin/bash
BIN := .venv/bin
LOCKS := requirements/base.txt requirements/local.txt
ARGS ?=
USUAL := -m "not browser and not long and not chart and not image and not cluster"
SEED ?= 1
MINUTES ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup gen released lock lock-check lint audit fuzz fix test test-again test-long test-browser bench bench-quick bench-memory performance bench-members bench-orders faults faults-quick chaos soak demo observe up providers down status clean chart chart-files image image-test chart-run

help: ## Say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.venv/.run: $(LOCKS) pyproject.toml
	@tools/venv.sh run

.venv/.dev: requirements/dev.txt .venv/.run
	@tools/venv.sh dev

.venv/.fuzz: requirements/fuzz.txt .venv/.dev
	@tools/venv.sh fuzz

.venv/.demo: requirements/demo.txt .venv/.run
	@tools/venv.sh demo

.venv/.chart: requirements/chart.txt .venv/.dev
	@tools/venv.sh chart

setup: .venv/.run .venv/.dev .venv/.demo ## Make .venv from the locked requirements

gen: .venv/.dev ## Generate the code under gen/, the API's pages under docs/ and the chart's copies, from protos/
	@$(BIN)/python -m tools.generate
	@$(BIN)/python -m tools.openapi
	@$(BIN)/python -m tools.errors
	@$(BIN)/python -m tools.states
	@$(BIN)/python -m tools.metrics
	@$(BIN)/python -m tools.chart.files

released: .venv/.dev .venv/.chart ## Remember the protos and the chart as released: what comes after may only add to them
	@$(BIN)/buf build protos --exclude-source-info --output protos/released.binpb
	@$(BIN)/python -m tools.chart.released

lock: .venv/.dev ## Lock requirements/*.in again, keeping the versions that still fit
	@$(BIN)/python -m tools.locks

lock-check: .venv/.dev ## Check that the locks answer requirements/*.in
	@$(BIN)/python -m tools.locks --check

lint: .venv/.dev ## Check every rule of the house
	@tools/lint.sh

audit: .venv/.dev ## Look for secrets in the files and the whole history, for licences that don't fit, for stale locks
	@$(BIN)/python -m tools.audit
	@$(BIN)/python -m tools.locks --check

fuzz: .venv/.fuzz ## Send a suite of its own ten minutes of requests nobody would think of (ARGS="--seconds 60")
	@$(BIN)/python -m tools.fuzz $(ARGS)

fix: .venv/.dev ## Format, and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet

test: .venv/.dev .venv/.demo ## Run the tests (ARGS="-k stock" narrows them)
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m deploy.observability.programs
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(USUAL) --cov --cov-report= $(ARGS)

test-again: .venv/.dev .venv/.demo ## Run what failed in the last `make test` once more, one test at a time
	@$(BIN)/python -m pytest -q -n 0 $(USUAL) --no-cov --last-failed --last-failed-no-failures none $(ARGS)

test-long: .venv/.dev ## Run the tests that take thousands of random steps
	@$(BIN)/python -m pytest -q -m long --timeout=3600 $(ARGS)

test-browser: .venv/.dev .venv/.demo ## Run the tests that open a headless Chromium
	@tools/need.sh chromium-driver command -v chromedriver
	@$(BIN)/python -m pytest -q -m browser $(ARGS)

bench: .venv/.dev ## Measure everything beside its baselines (ARGS="--only relay,orders" takes single cases)
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m bench $(ARGS)

bench-quick: .venv/.dev ## The same, short: for every day
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m bench --quick $(ARGS)

bench-memory: .venv/.dev ## Watch the memory of every process for half an hour
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m bench --only memory --seconds 1800 $(ARGS)

performance: .venv/.dev .venv/.chart ## Make docs/performance.md, its charts and what the chart plans with from the newest results
	@$(BIN)/python -m bench.report
	@$(BIN)/python -m tools.chart

bench-orders: .venv/.dev ## Measure orders beside an echo, direct and through Envoy (ARGS=--small for a short run)
	@$(BIN)/python -m bench.orders $(ARGS)

bench-members: .venv/.dev ## Measure members beside an echo, a control and pgbench (ARGS=--small for a short run)
	@$(BIN)/python -m bench.members $(ARGS)

chart-files: .venv/.dev .venv/.chart ## Write the Helm chart's copies, its page and its examples
	@$(BIN)/python -m tools.chart

chart: .venv/.dev .venv/.chart ## Check the Helm chart: lint, render, schemas, policies, upgrade, every sentence
	@$(BIN)/python -m pytest -q -n 2 -m chart --no-cov $(ARGS)

image: .venv/.dev ## Build the container image with docker or podman, and list what is in it (ARGS=--help for its options)
	@$(BIN)/python -m deploy.image $(ARGS)

image-test: .venv/.dev ## Build the image on Debian's packages, look for what must not be in it, and run it (needs root)
	@tools/need.sh podman command -v podman
	@tools/need.sh runc command -v runc
	@tools/need.sh debootstrap test -x /usr/sbin/debootstrap
	@$(BIN)/python -m pytest -q -n0 -s -m image --no-cov $(ARGS)

faults: .venv/.dev ## Break everything under load, one thing after the other, and compare what is left (ARGS="--only relay-killed")
	@[ "$$(id -u)" != 0 ] || { tools/need.sh faketime test -x /usr/bin/faketime && tools/need.sh iptables test -x /usr/sbin/iptables && tools/need.sh iproute2 test -x /bin/ip; }
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m faults --keep $(ARGS)
	@$(BIN)/python -m faults.page

faults-quick: .venv/.dev ## The same for the ten cheapest faults, in minutes
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m faults --quick --seconds 8 $(ARGS)

chaos: .venv/.dev ## Mix journeys and faults at random (SEED=7 MINUTES=3); the same seed draws the same
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m faults.chaos --seed $(SEED) --minutes $(MINUTES) $(ARGS)

soak: .venv/.dev ## Let the suite work for long (MINUTES=30), and watch its memory
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m faults --only soak --seconds $$(($(MINUTES) * 60)) $(ARGS)

chart-run: .venv/.dev .venv/.chart ## Run what the chart renders with podman: install, roll out and back under load (needs root)
	@tools/need.sh podman command -v podman
	@tools/need.sh runc command -v runc
	@tools/need.sh debootstrap test -x /usr/sbin/debootstrap
	@tools/need.sh iproute2 command -v ip
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -m deploy.image --debian --engine podman --version cluster-1
	@unshare --net $(BIN)/python -m pytest -q -n0 -s -m cluster --no-cov --force-enable-socket $(ARGS)

demo: .venv/.run .venv/.demo ## Replay a real retailer's history through the whole suite and reconcile it
	@$(BIN)/kehu demo $(ARGS)

observe: .venv/.dev .venv/.demo ## Ask a real Prometheus every expression of every dashboard and alert, under load and in trouble
	@$(BIN)/python -m deploy.local.rabbitmq
	@$(BIN)/python -u -m deploy.observability.observe $(ARGS)

up: .venv/.run ## Run the whole suite until Ctrl-C, with payments if `make providers` runs
	@set -a; if [ -f .run/providers/settings.env ]; then . .run/providers/settings.env; fi; set +a; $(BIN)/kehu up $(ARGS)

providers: .venv/.dev ## Play WeChat Pay and Alipay on this machine, until Ctrl-C
	@$(BIN)/python -m tools.providers $(ARGS)

down: ## Stop the suite, wherever it was started
	@if [ -x $(BIN)/kehu ]; then $(BIN)/kehu down; else echo "Nothing runs: there is no .venv yet."; fi

status: ## Say what runs, and where
	@if [ -x $(BIN)/kehu ]; then $(BIN)/kehu status $(ARGS); else echo "Nothing runs: there is no .venv yet."; fi

clean: down ## Stop the suite and remove its data, the demo's report and the caches (.venv stays)
	@rm -rf .run .coverage .coverage.* htmlcov coverage.xml .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
