# Everything a person or a machine does with the project; `make` alone lists it.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
BIN_DEBUG    = $(shell swift build $(SWIFT_FLAGS) --show-bin-path)/roost
BIN_RELEASE  = $(shell swift build -c release $(SWIFT_FLAGS) --show-bin-path)/roost
VENV        := .venv
PYTEST      := $(CURDIR)/$(VENV)/bin/pytest -q -p no:cacheprovider
# The contract suite, in the environment $(1): most tests wait for something, so several run beside each other; then
# those that take a processor or more for themselves, one after another.
contract     = cd Tests/Contract && export $(1) && $(PYTEST) -n $(or $(WORKERS),4) -m "not alone" && $(PYTEST) -m alone
# All tests in Swift, with the flags $(1) and in the environment $(2). Redis and the emulator, which answers one request
# at a time, by themselves: they are asked within a time, and do not answer in it where others take the processor. The
# hub's too: each has event loops of its own, and with a sanitizer beside all others they come to no end.
apart        = RoostHubTests RoostRedisTests RoostDynamoDBTests
define swift_tests
	swift build $(SWIFT_FLAGS) $(1) --build-tests
	$(2) Scripts/swift-test.sh $(SWIFT_FLAGS) $(1) --skip-build $(apart:%=--skip %)
	for part in $(apart); do $(2) Scripts/swift-test.sh $(SWIFT_FLAGS) $(1) --skip-build --filter $$part || exit 1; done
endef
TSAN        := --sanitize=thread --scratch-path .build-tsan
ARGS        ?=
SEEDS       ?= 1000
FROM        ?= 1
JOBS        ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup run demo-cluster test test-swift test-allocations test-simulation test-contract test-conformance test-clients test-browser \
  test-examples test-deploy test-comparison test-full simulate scale planted conformance lint format bundle bench flamegraph peers compare growth bench-cluster clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

setup: ## installs what is missing: SQLite's and zlib's headers, Python's venv, Node, Chromium, React for the clients' and the examples' tests, Redis, HAProxy, nginx
	@Scripts/setup.sh

run: ## builds a release, serves, prints the address of the web chat (ARGS="--port 9000 …")
	@Scripts/setup.sh build
	swift build -c release $(SWIFT_FLAGS) --product roost
	exec $(BIN_RELEASE) serve $(ARGS)

demo-cluster: ## builds a release, starts Redis, three nodes and HAProxy, opens a page that shows them (ARGS=--script: tells it in a few lines)
	@Scripts/setup.sh
	swift build -c release $(SWIFT_FLAGS) --product roost
	exec env ROOST_BIN=$(BIN_RELEASE) $(VENV)/bin/python Scripts/demo-cluster.py $(ARGS)

test: lint test-clients test-swift test-allocations test-simulation test-contract test-conformance test-browser test-examples test-deploy test-comparison ## the whole suite, the real parts it needs included

test-swift: setup ## unit, engine and hub tests in Swift
	$(call swift_tests)

test-allocations: setup ## what the pure parts allocate per message, against Tests/Allocations/thresholds.txt
	swift build -c release $(SWIFT_FLAGS) --product allocations
	$(dir $(BIN_RELEASE))allocations Tests/Allocations/thresholds.txt

test-simulation: test-swift test-allocations ## some hundred seeds of the simulation with all assertions, some thousand in release
	$(dir $(BIN_DEBUG))simulate --seeds 20 --check-determinism
	$(dir $(BIN_DEBUG))simulate --seeds 300 --jobs $(JOBS)
	swift build -c release $(SWIFT_FLAGS) --product simulate
	$(dir $(BIN_RELEASE))simulate --seeds 4000 --from 301 --jobs $(JOBS)
	$(dir $(BIN_RELEASE))simulate --seeds 2000 --from 10001 --cluster --jobs $(JOBS)

simulate: ## SEEDS seeds of the simulation from FROM on, in release (TRACE=1: prints all that happens; SQLITE, CLUSTER, DYNAMODB=1 or 0)
	@Scripts/setup.sh build
	swift build -c release $(SWIFT_FLAGS) --product simulate
	$(dir $(BIN_RELEASE))simulate --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS) \
	  $(if $(TRACE),--trace) $(if $(filter 1,$(SQLITE)),--sqlite) $(if $(filter 0,$(SQLITE)),--no-sqlite) \
	  $(if $(filter 1,$(CLUSTER)),--cluster) $(if $(filter 0,$(CLUSTER)),--no-cluster) \
	  $(if $(filter 1,$(DYNAMODB)),--dynamodb) $(if $(filter 0,$(DYNAMODB)),--no-dynamodb)

conformance: ## all cases of Autobahn's suite, against a release, plainly and over TLS
	@Scripts/setup.sh build
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) Tests/Autobahn/run.py
	ROOST_BIN=$(BIN_RELEASE) Tests/Autobahn/run.py --tls

scale: ## NODES nodes and USERS users in virtual time: what they ask of Redis and the store, beside what Docs/scaling.md computes
	@Scripts/setup.sh build
	swift build -c release $(SWIFT_FLAGS) --product simulate
	$(dir $(BIN_RELEASE))simulate scale --nodes $(or $(NODES),12) --users $(or $(USERS),6000)

planted: ## plants bugs in a copy of the sources, one at a time, and sees that the simulation finds each
	@Scripts/planted.sh

test-contract: test-swift ## black-box tests of the command, the protocols and the HTTP API, kill -9 included
	$(call contract,ROOST_BIN=$(BIN_DEBUG))

test-conformance: test-swift ## Autobahn's suite for WebSockets; of compression, one case of each kind; over TLS, what differs there
	ROOST_BIN=$(BIN_DEBUG) Tests/Autobahn/run.py '1.*' '2.*' '3.*' '4.*' '5.*' '6.*' '7.*' '9.*' '10.*' \
	  12.1.3 12.2.3 12.3.11 12.4.11 12.5.3 13.1.3 13.2.3 13.3.3 13.4.3 13.5.3 13.6.3 13.7.3
	ROOST_BIN=$(BIN_DEBUG) Tests/Autobahn/run.py --tls '1.*' '2.*' '3.*' '4.*' '5.*' '7.*' '10.*'

test-clients: setup ## the client for browsers without one: its machine's stories, random worlds, what applications see
	node --test Tests/Clients/

test-browser: test-swift ## the web chat, the client for browsers and a plain page in headless Chromium
	cd Tests/Browser && ROOST_BIN=$(BIN_DEBUG) $(PYTEST) -n 2

test-examples: test-swift ## every example, as its reader runs it
	cd Tests/Examples && ROOST_BIN=$(BIN_DEBUG) $(PYTEST)

test-deploy: test-swift ## load balancers before several nodes: what clients notice of them, of killed and of drained nodes
	cd Tests/Deploy && export ROOST_BIN=$(BIN_DEBUG) && $(PYTEST) -n 2 -m "not alone" && $(PYTEST) -m alone

test-comparison: setup ## the comparison with other servers, with stand-ins for all of them
	cd Tests/Comparison && $(PYTEST)

test-full: test planted ## everything of test, frames queued instead of sent directly, planted bugs, a whole minute of a cluster, 40,000 seeds, ThreadSanitizer
	$(call contract,ROOST_DIRECT_SENDS=false ROOST_BIN=$(BIN_DEBUG))
	cd Tests/Deploy && MINUTE_SECONDS=60 MINUTE_SPEED=2 ROOST_BIN=$(BIN_DEBUG) $(PYTEST) test_minute.py
	$(MAKE) simulate SEEDS=20000 FROM=100000
	$(MAKE) simulate SEEDS=20000 FROM=200000 CLUSTER=1
	$(call swift_tests,$(TSAN),ROOST_FUZZ_SECONDS=0.3 TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/Tests/tsan.supp")
	swift build $(SWIFT_FLAGS) $(TSAN) --product roost
	$(call contract,TSAN_OPTIONS="halt_on_error=1 exitcode=66 suppressions=$(CURDIR)/Tests/tsan.supp" CONTRACT_PATIENCE=4 \
	  ROOST_BIN=$(shell swift build $(SWIFT_FLAGS) $(TSAN) --show-bin-path)/roost)

lint: setup ## checks the formatting of Swift, and that the Python of the tests and scripts knows all its names
	swift format lint --strict -r Sources Tests Web Examples Package.swift
	git ls-files -z '*.py' | xargs -0 $(VENV)/bin/ruff check -q --no-cache --select F82,E9

bundle: ## joins the modules of Web/roost into Web/roost.js
	Scripts/bundle.py

format: ## formats the sources in place
	swift format -i -r Sources Tests Web Examples Package.swift

bench: ## builds a release and makes the figures of Benchmarks/README.md
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) Benchmarks/run.sh

peers: ## installs the servers that Roost is compared with, and checks that they do their part
	@Benchmarks/peers/install.sh
	.venv-bench/bin/python Benchmarks/peers/check.py

flamegraph: ## draws where the time of a fan-out goes, as Docs/fanout.svg (needs perf)
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) Benchmarks/flamegraph.sh $(ARGS)

compare: peers ## builds a release and compares it with the other servers (ARGS="--rounds 1 --only fanout-64 …")
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) Benchmarks/compare.py $(ARGS)

growth: ## builds a release and measures whether deliveries cost the same beside ten times as much (ARGS as for compare)
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) Benchmarks/growth.py $(ARGS)

bench-cluster: setup ## builds a release and measures nodes over one Redis: latency from one to another, messages a second, what idling costs
	swift build -c release $(SWIFT_FLAGS) --product roost
	ROOST_BIN=$(BIN_RELEASE) $(VENV)/bin/python Benchmarks/cluster.py $(ARGS)

clean: ## removes what was built
	rm -rf .build .build-* $(VENV) .venv-bench Tests/Autobahn/.venv
