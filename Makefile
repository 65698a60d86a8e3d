# `make` alone lists the targets. Needs: the Rust toolchain, Node.js, and on first use apt (root or sudo).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
export PATH := $(CURDIR)/tests/.venv/bin:$(PATH)
STEP := scripts/step
LISTEN ?= 127.0.0.1:8722

.PHONY: help run web test test-long lint bench fuzz soak docs openapi clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build everything in release form, start Bastide, print its address and a login link
	@scripts/setup-test-deps.sh build
	@$(MAKE) --no-print-directory web
	cargo build --release --locked
	@echo
	@exec target/release/bastide serve --listen $(LISTEN) --print-login-link

web: ## build the browser client into web/dist
	@cd web && npm run --silent build

test: ## everything that must hold before a change is taken: lint, unit, integration, clients, browser
	@rm -rf target/steps
	@$(STEP) "setup" scripts/setup-test-deps.sh test
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-web-build test-rust test-clients test-api test-browser
	@scripts/sum-tests

.PHONY: test-web-build test-rust test-clients test-api test-browser
test-web-build:
	@$(STEP) "web types of the api" scripts/web-types --check
	@$(STEP) "web types" npm --prefix web run --silent typecheck
	@$(STEP) "web build" npm --prefix web run --silent build
	@$(STEP) "web unit tests" npm --prefix web run --silent test

# The same targets in one command build everything once, the binary that the later steps use included.
test-rust:
	@$(STEP) "queries" scripts/prepare-queries --check
	@$(STEP) "rust build" cargo build --workspace --tests --bins --locked
	@$(STEP) "generated pages" cargo xtask reference --check
	@$(STEP) "rust tests" cargo nextest run --workspace --tests --bins --locked --profile ci
	@$(STEP) "doc examples" cargo test --workspace --doc --locked --quiet

test-clients:
	@$(STEP) "contract clients" tests/clients/run.sh

test-api:
	@$(STEP) "api against its description" tests/.venv/bin/python tests/schemathesis/run.py --no-color

test-browser:
	@$(STEP) "browser tests" scripts/browser-tests

lint: ## formatting, clippy, budgets and layers, licences, Biome; changes nothing
	@scripts/setup-test-deps.sh test
	@$(STEP) "rustfmt" cargo fmt --all --check
	@$(STEP) "tidy" cargo xtask tidy
	@$(STEP) "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	@$(STEP) "deny" cargo deny --log-level error check bans licenses sources
	@$(STEP) "biome" npm --prefix web run --silent lint

test-long: ## rounds of minutes to an hour: soak, faults, fuzzing
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory soak

fuzz: ## every fuzz body for FUZZ_SECONDS (180) each
	scripts/fuzz.sh

soak: bench-build ## SOAK_SECONDS (3600) of churning sessions; memory, descriptors and threads must stay flat
	target/release/bastide-bench soak

bench: ## measure against the peers on this machine and write bench/RESULTS.md; ONLY=name measures one row
	@scripts/setup-test-deps.sh bench
	@$(MAKE) --no-print-directory web bench-build
	target/release/bastide-bench $(if $(ONLY),--only $(ONLY))

.PHONY: bench-build
bench-build:
	cargo build --release --locked --package bastide --package bastide-bench

docs: ## write the generated pages again (docs/guide/configuration.md, docs/guide/cli.md)
	cargo xtask reference

openapi: ## write what is made from the route table again (docs/openapi.json, docs/guide/api-access.md, web types)
	BASTIDE_UPDATE=1 cargo test --quiet --package bastide-api --test it committed
	@scripts/setup-test-deps.sh build
	scripts/web-types

clean: ## remove what was built, the installed test packages too
	rm -rf target fuzz/libfuzzer/target web/dist web/node_modules tests/.venv tests/clients/node/node_modules
