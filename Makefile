# `make` lists the verbs; each sets up what it needs.
PYTHON ?= python3
WORKLOAD ?= workloads/swiotlb_vs_zero_copy.yaml
RESULTS ?= results
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PARALLEL := -n 2 --dist loadfile

.PHONY: help setup run check browser test boundscheck campaign mutants docs bench bench-compare bench-pairs lock clean

help:  ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## make .venv from the lock file

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "cluster-sim needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

run: $(READY)  ## run a workload and print the comparison: make run WORKLOAD=workloads/x.yaml
	$(BIN)/cluster-sim run $(WORKLOAD) --results $(RESULTS)

check: $(READY)  ## the fast part of the tests
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -q $(PARALLEL) tests/unit

browser:  ## the Chromium and font for the tests of pages; where apt-get may not, those tests skip by name
	@command -v chromium > /dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	    chromium fonts-dejavu-core > /dev/null; } || \
	  echo "no chromium, and no way to install it: the tests of pages will be skipped"

test: $(READY) browser  ## ruff, mypy --strict, import contracts and all tests
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -q $(PARALLEL)

boundscheck: $(READY)  ## the engine's tests with each index checked; such code has a cache of its own
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -q tests/unit/engine tests/unit/io_paths tests/unit/memory tests/unit/planning \
	  tests/unit/runtime tests/properties tests/determinism

campaign: $(READY)  ## kill actors, nodes and drivers, round after round, and write docs/fault-campaign.md
	$(BIN)/python -m tests.cluster.campaign --rounds 14 --kills 4 --out docs/fault-campaign.md

mutants: $(READY)  ## break the code on purpose, rule by rule, and write down what noticed
	$(BIN)/python -m tests.mutations.campaign
	$(BIN)/python docs/make_model.py
	$(BIN)/python docs/make_mutants.py

docs: $(READY)  ## make docs/model.md and mutants.md from the code, and the pages of docs/ as a site in site/
	$(BIN)/python docs/make_model.py
	$(BIN)/python docs/make_mutants.py
	$(BIN)/mkdocs build --strict --quiet

bench: $(READY)  ## peers, frames a second of each path, scaling, shares of a run: figures in bench.json
	$(BIN)/python -m benchmarks --json bench.json

bench-compare: $(READY)  ## the same, held against benchmarks/baseline.json
	$(BIN)/python -m benchmarks --json bench.json --against benchmarks/baseline.json

bench-pairs: $(READY)  ## this checkout against another, turn by turn: make bench-pairs OTHER=../older
	$(BIN)/python -m benchmarks.pairs $(OTHER)

lock: $(READY)  ## resolve the dependencies anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev pyproject.toml --output-file requirements.lock

clean:  ## remove .venv and caches, keep results
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
