# Everything a developer runs. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

# A crash prints no registers and no memory: both may hold secrets.
export SWIFT_BACKTRACE := enable=no
export PYTHONDONTWRITEBYTECODE := 1

BUILD_PACKAGES := pkg-config libssl-dev libsodium-dev libsqlite3-dev libhiredis-dev libpq-dev
# Real servers, of which scripts/rig runs copies of its own.
FLEET_PACKAGES := python3=python3 postgresql redis-server=redis-server haproxy=haproxy
TEST_PACKAGES := git=git curl=curl openssl=openssl $(FLEET_PACKAGES) nginx=nginx-light libfaketime
BROWSER_PACKAGES := chromium=chromium openssl=openssl python3=python3
BENCH_PACKAGES := gcc=gcc libc6-dev wrk=wrk strace=strace taskset=util-linux python3=python3
# The others come from Benchmarks/peers/requirements.txt.
PEER_PACKAGES := redis-server=redis-server haproxy=haproxy

# A target may import what it declares; scripts/check-imports adds that it must declare what it imports.
IMPORTS := --explicit-target-dependency-import-check error

# How long each fuzz target runs.
FUZZ_SECONDS ?= 20
FUZZ_TARGETS ?= RequestParser ProxyProtocol Forwarded JSON AccessToken RefreshToken RedisReply

# How often `make faults` goes through the matrix.
ROUNDS ?= 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: build ## Install what is missing, build in release and serve on 127.0.0.1:8080
	ulimit -c 0
	exec .build/release/portcullis serve

.PHONY: build
build: packages ## Build the server in release
	swift build --configuration release --product portcullis $(IMPORTS)

.PHONY: up
up: build ## Start a private fleet: Postgres, its standby, Redis, three nodes, HAProxy on 127.0.0.1:8080
	scripts/install-packages $(FLEET_PACKAGES)
	scripts/rig up --fixed --standby

.PHONY: down
down: ## End the fleet that `make up` started
	scripts/rig down

.PHONY: build-load
build-load: build ## Build the load-test harness in release, too
	swift build --configuration release --product loadtest $(IMPORTS)

.PHONY: load
load: build-load ## Besiege a private fleet for five minutes; the report is .build/load/fleet.html
	scripts/install-packages $(FLEET_PACKAGES)
	scripts/load fleet

.PHONY: load-embedded
load-embedded: build-load ## The same on one node with its own store
	scripts/install-packages python3=python3
	scripts/load embedded

# Which build `make load-quick` runs; `make test` takes that of the suites.
LOAD_BUILD ?= release

.PHONY: load-quick
load-quick: $(if $(filter release,$(LOAD_BUILD)),build-load) ## The same in under a minute, for function alone
	scripts/install-packages python3=python3
	scripts/load quick --build .build/$(LOAD_BUILD)

.PHONY: packages
packages: ## Install the Debian packages that a build needs and the machine lacks
	scripts/install-packages $(BUILD_PACKAGES)

.PHONY: test-packages
test-packages: packages ## Install what the tests need and the machine lacks
	scripts/install-packages $(TEST_PACKAGES)
	python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/install-packages python3-venv

.PHONY: test
test: test-packages lint house imports suites load-smoke judges browser forward-auth faults-quick ## Check everything
	@grep --text 'Test run with' .build/suites.log
	@tail -1 .build/load-smoke.log
	@tail -1 .build/judges.log
	@tail -1 .build/browser.log
	@tail -1 .build/forward-auth.log
	@tail -1 .build/faults.log

.PHONY: lint
lint: ## Hold all Swift against .swift-format
	swift format lint --strict --recursive --parallel Package.swift Sources LoadTests Tests Fuzz

.PHONY: format
format: ## Rewrite all Swift as .swift-format wants it
	swift format format --in-place --recursive --parallel Package.swift Sources LoadTests Tests Fuzz

.PHONY: house
house: ## Hold every file against the rules of the house
	python3 -m unittest discover --quiet --start-directory scripts/tests
	python3 -m unittest discover --quiet --start-directory Tests/Faults
	scripts/check-house

.PHONY: imports
imports: ## Hold every import against the target's direct dependencies
	scripts/check-imports

.PHONY: suites
suites: ## Build and run the Swift suites alone
	mkdir -p .build
	swift build --build-tests $(IMPORTS)
	scripts/run-suites --skip-build $(IMPORTS) 2>&1 | tee .build/suites.log

.PHONY: judges
judges: ## Let other teams' libraries judge our tokens, and ours theirs
	mkdir -p .build
	Tests/Judges/run 2>&1 | tee .build/judges.log

.PHONY: browser
browser: packages ## Drive cookie mode with headless Chromium, from pages of several origins
	scripts/install-packages $(BROWSER_PACKAGES)
	mkdir -p .build
	Tests/Browser/run 2>&1 | tee .build/browser.log

.PHONY: forward-auth
forward-auth: test-packages ## Drive the shipped nginx and HAProxy configurations before a real node
	mkdir -p .build
	Tests/ForwardAuth/run 2>&1 | tee .build/forward-auth.log

.PHONY: faults
faults: build test-packages ## Break real stores and nodes under load, ROUNDS times (1; one takes 9 min)
	mkdir -p .build
	Tests/Faults/matrix.py --binary .build/release/portcullis --rounds $(ROUNDS) 2>&1 | tee .build/faults.log

.PHONY: faults-quick
faults-quick: test-packages ## The short matrix of faults, on the build of the suites
	mkdir -p .build
	Tests/Faults/matrix.py --binary .build/debug/portcullis --quick 2>&1 | tee .build/faults.log

.PHONY: sanitize
sanitize: packages ## Run the suites under the thread and the address sanitizer
	scripts/sanitize thread
	scripts/sanitize address

.PHONY: bench
bench: build ## Measure CPU a request against a bare responder, memory, start and allocations (two cores, 3 min)
	scripts/install-packages $(BENCH_PACKAGES)
	python3 Benchmarks/bench.py

.PHONY: bench-peers
bench-peers: build ## Measure verify and login beside FastAPI, Envoy and HAProxy, for README (two cores, 6 min)
	scripts/install-packages $(BENCH_PACKAGES) $(PEER_PACKAGES)
	python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/install-packages python3-venv
	python3 Benchmarks/peers.py --write-readme

.PHONY: bench-loadtest
bench-loadtest: build-load ## Hold the load tests to wrk, and to a stub whose quantiles are known (two cores, 2 min)
	scripts/install-packages $(BENCH_PACKAGES)
	python3 Benchmarks/generator.py --write-docs

.PHONY: load-smoke
load-smoke: test-packages ## Run the load tests once for function: ours, the FastAPI tutorial, the page in a browser
	scripts/install-packages $(BROWSER_PACKAGES)
	mkdir -p .build
	$(MAKE) --no-print-directory load-quick LOAD_BUILD=debug
	Tests/LoadTargets/run .build/debug/loadtest 2>&1 | tee .build/load-smoke.log
	Tests/LoadReport/run .build/load/quick.html 2>&1 | tee --append .build/load-smoke.log

.PHONY: load-targets
load-targets: test-packages ## Drive the FastAPI tutorial by loadtest, on a build of its own
	mkdir -p .build
	Tests/LoadTargets/run 2>&1 | tee .build/load-targets.log

.PHONY: profile
profile: build ## Show where the CPU of a seen-token verify goes, and that none of it is in Dispatch (perf)
	scripts/install-packages $(BENCH_PACKAGES) perf=linux-perf
	Benchmarks/profile

.PHONY: fuzz
fuzz: packages ## Fuzz every parser for FUZZ_SECONDS each (20)
	scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: clean
clean: ## End every private fleet and remove everything that was built
	scripts/rig down --all
	rm -rf .build
