# Targets by name: `make help`. The rules for C, installing, Python and OCaml are in scripts/*.mk.

.NOTPARALLEL:
.DELETE_ON_ERROR:
SHELL := /bin/bash
.DEFAULT_GOAL := help

TARGET := target
RELEASE := $(TARGET)/release
VENV := $(TARGET)/venv
PY := $(VENV)/bin/python
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# One target folder for cargo, maturin and the C programs; one Python for PyO3, so that nothing is compiled twice.
export CARGO_TARGET_DIR := $(abspath $(TARGET))
export PYO3_PYTHON := $(abspath $(PY))
export PATH := $(PATH):/usr/sbin:/sbin

# The C, Python and OCaml tests find the server and the cases by these.
export TRUNKLINE_TEST_SERVER := $(abspath $(RELEASE)/trunkline-test-server)
export TRUNKLINE_TEST_CASES := $(abspath tests/cases)

# In continuous integration Cargo.lock has to be right as it was committed.
LOCKED := $(if $(CI),--locked)
# The extension module is linked by maturin only: without an interpreter around it, its symbols are undefined.
RUST_CRATES := --workspace --exclude trunkline-python

include scripts/c.mk scripts/install.mk scripts/python.mk scripts/ocaml.mk scripts/autobahn.mk

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Set-up and build

.PHONY: setup setup-demo
setup: ## install what the tests need (apt, pip), where it is missing
	@bash scripts/setup.sh test

setup-demo:
	@bash scripts/setup.sh demo

.PHONY: build lib
build: lib python ## the library, the test server and the Python module

lib: $(NATIVE_LIBS) ## libtrunkline and the test server
	cargo build --release $(LOCKED) -p trunkline-ffi -p trunkline-test-server

# What a program that is linked with the static library needs besides.
$(NATIVE_LIBS):
	@mkdir -p $(C_OUT) $(RELEASE)
	@echo | rustc --crate-type staticlib --print native-static-libs -o $(C_OUT)/empty.a - 2>&1 | \
		sed -n 's/^note: native-static-libs: //p' >$(NATIVE_LIBS)
	@rm -f $(C_OUT)/empty.a

.PHONY: header header-check
header: ## write include/trunkline.h anew
	cargo run --release --quiet $(LOCKED) -p trunkline-ffi --example header

header-check: ## fail when include/trunkline.h is not what the code says
	@mkdir -p $(TARGET)
	@cp include/trunkline.h $(TARGET)/trunkline.h.before
	@$(MAKE) --no-print-directory header
	@diff -u $(TARGET)/trunkline.h.before include/trunkline.h || \
		{ echo "include/trunkline.h was out of date; it is written anew, please commit it" >&2; exit 1; }

##### Demo and benches

.PHONY: demo
demo: setup-demo lib python $(C_DEMO) ## fetch pages with the C and the Python program; URL=… asks another server
	@URL="$(URL)" C_DEMO=$(C_DEMO) PY=$(PY) bash scripts/demo.sh

.PHONY: bench
bench: setup lib python ## run side by side with the peers
	bash bench/setup.sh && python3 bench/run.py

##### Tests

TEST_STEPS := setup lint test-rust test-c test-python test-ocaml test-docs install-check
EXTRA_STEPS := test-python-versions autobahn test-adversary

.PHONY: test test-extra test-all
test: ## everything but the longest; the last line sums all suites
	+@bash scripts/test.sh $(TEST_STEPS)

test-extra: ## the longer tests; the last line counts in those of `make test`, where it ran before
	+@bash scripts/test.sh --more $(EXTRA_STEPS)

test-all: ## both
	+@bash scripts/test.sh $(TEST_STEPS) $(EXTRA_STEPS)

.PHONY: test-rust
test-rust: setup ## unit, integration and documentation tests of the Rust crates
	cargo test --release $(LOCKED) $(RUST_CRATES) --no-fail-fast

.PHONY: test-adversary
test-adversary: setup ## each engine without a socket against frames at random, for a minute
	TRUNKLINE_ADVERSARY_SECONDS=60 cargo test --release $(LOCKED) -p trunkline --test sansio adversary -- --nocapture --test-threads=1

.PHONY: test-docs
test-docs: setup lib python ocaml-installed ## the documents: every example runs, tables and links are right
	@$(PY) tests/docs/check_tables.py; tables=$$?; $(PY) tests/docs/run_examples.py && exit $$tables

##### Lint

.PHONY: lint lint-rust lint-python format
lint: lint-python lint-rust ## formatting, clippy, rustdoc, ruff, mypy

lint-rust: setup
	cargo fmt --all --check
	cargo clippy --release $(LOCKED) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release $(LOCKED) --no-deps -p trunkline

format: setup ## format the Rust and the Python code
	cargo fmt --all
	$(VENV)/bin/ruff check --quiet --fix-only .
	$(VENV)/bin/ruff format .

.PHONY: clean
clean: ## remove everything built
	cargo clean
	rm -rf $(TARGET)
