# Everything here can be interrupted and repeated; each step looks first whether it is done.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
SETUP := $(PYTHON) -m scripts.setup
# One thread per process, and threads that sleep while they wait: several processes share the cores.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup engine image lab demo test check lint types clean

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Make this machine ready: environment, container engine, base image, sandbox image
	@$(SETUP) all

engine:  ## Only see to it that a container engine answers
	@$(SETUP) engine

image:  ## Build the sandbox image anew where its sources have changed
	@$(SETUP) image

lab: setup  ## Make the lab's models (once; kept in the cache)
	@$(BIN)/python -m orchestrator.lab

demo: lab  ## Set up what is missing, then run the whole loop on the lab
	@dir=runs/lab; n=1; while [ -e $$dir ]; do n=$$((n + 1)); dir=runs/lab-$$n; done; \
	set -x; $(BIN)/assay run examples/lab.toml --run-dir $$dir

test: lab  ## Set up what is missing, then run all tests
	$(BIN)/python -m pytest

lint:  ## Check format and style
	@$(SETUP) environment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:  ## Check types
	@$(SETUP) environment
	$(BIN)/mypy

check: lint types test  ## All that must hold before a change is merged

clean:  ## Remove environment and tools' caches; never runs/, which is a record
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
