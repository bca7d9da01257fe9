# Longshore: what one can do with this clone. Each target makes what it needs first; nothing to install by hand.

VENV ?= .venv
PY := $(VENV)/bin/python
ARGS ?=
PYTEST_ARGS ?= $(ARGS)
export VENV

.DEFAULT_GOAL := help
.PHONY: help run test lint core repeat mutate demo bench package lock clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS=… is passed on, e.g. make run ARGS='--registry 127.0.0.1:5000', make test ARGS='-k pull'"

run: ## Make the environment and open Longshore
	@tools/bootstrap run
	@$(VENV)/bin/longshore $(ARGS)

test: ## Lint, types, import contracts and all tests
	@tools/bootstrap test
	@tools/check all $(PYTEST_ARGS)

lint: ## Formatting, lint, types and import contracts only
	@tools/bootstrap test
	@tools/check lint

repeat: ## All tests N times (N=20) while two processes burn both cores
	@tools/bootstrap test
	@tools/check repeat $(or $(N),20)

mutate: ## Change the core in small ways and count what its tests catch; takes long
	@tools/bootstrap test
	@$(PY) tools/mutate $(ARGS)

core: ## The core's tests only, without PySide6
	@tools/bootstrap test
	@tools/check core $(PYTEST_ARGS)

demo: ## Longshore on a private engine and registries; DEMO_RECORD=1 takes screenshots instead
	@tools/bootstrap test
	@PYTHONPATH=tests $(PY) -m testbed.demo $(ARGS)

bench: ## Measure against the docker CLI and other peers; the figures go to build/bench.txt
	@tools/bootstrap test
	@mkdir -p build && rm -f build/bench.txt
	@for benchmark in pull_push registry_copy mirror_in_step archives listing command_start startup ui_stalls listing_stalls; do \
		PYTHONPATH=tests $(PY) benchmarks/$$benchmark.py >build/bench.part || exit 1; \
		tee -a build/bench.txt <build/bench.part; \
	done

package: ## Build wheel, bundle and .deb into dist/, and try each of them
	@tools/bootstrap package
	@tools/package $(ARGS)

lock: ## Write requirements/*.lock anew from pyproject.toml
	@tools/bootstrap run
	@tools/lock

clean: ## Remove all that make has made
	rm -rf .venv .venv-core build dist demo-out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find gui tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +
