# What a person or a CI machine does with this repository. `make` alone shows the list.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A shared target folder outside the clone spares a clean checkout the dependencies.
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
CARGO := cargo

.PHONY: help run build test bench fmt lint bootstrap bootstrap-tests env-example

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 26

run: build ## Build the release and run the server; it needs no settings (Ctrl-C stops it)
	@exec "$(TARGET_DIR)/release/melo" serve

build: bootstrap ## Build the server and the command-line client, optimised
	@echo "Building the release. The first time takes about ten minutes on two cores, later ones seconds."
	$(CARGO) build --release --locked -p melo-server -p melo-client
	@echo "Built $(TARGET_DIR)/release/melo and $(TARGET_DIR)/release/melo-cli"

test: bootstrap-tests ## Run everything that CI runs: format, lints, unit tests, flows against a real server
	@echo "== 1/4 format"
	$(CARGO) fmt --all --check
	@echo "== 2/4 lints"
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@echo "== 3/4 binaries that the flows start"
	$(CARGO) build --locked --workspace --bins
	@echo "== 4/4 tests"
	$(CARGO) test --locked --workspace

bench: build ## Measure this build: speed, latency, memory, start, chats (about 8 minutes)
	$(CARGO) build --release --locked -p melo-storage --example melo-fill
	"$(TARGET_DIR)/release/melo-load" lab --bin "$(TARGET_DIR)/release/melo" --dir "$(TARGET_DIR)/lab"

fmt: ## Format the code
	$(CARGO) fmt --all

lint: bootstrap ## Lints alone
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

env-example: ## Write .env.example anew from the settings in the code
	$(CARGO) run --locked --quiet -p melo-server --bin melo -- doctor --print-env-example > .env.example.new
	@mv .env.example.new .env.example

bootstrap: ## Check for what a build needs, and install what is missing (Debian, Ubuntu)
	@scripts/bootstrap

bootstrap-tests: ## The same, and for what the tests need besides
	@scripts/bootstrap tests
