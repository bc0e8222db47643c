# Everything here can be interrupted and repeated; each step looks first whether it is done.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
SETUP := $(PYTHON) -m scripts.setup
# One thread per process, and threads that sleep while they wait: several processes share the cores.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup engine bubblewrap image lab demo control test resume-drill attacks bench-sandbox fuzz bench-policy bench-ledger policy-rate check lint types clean

help:  ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Make this machine ready: environment, container engine, base image, sandbox image
	@$(SETUP) all

engine:  ## Only see to it that a container engine answers
	@$(SETUP) engine

bubblewrap:  ## Only see to it that bubblewrap works, for `sandbox = "bubblewrap"` (weaker: SECURITY.md)
	@$(SETUP) bubblewrap

image:  ## Build the sandbox image anew where its sources have changed
	@$(SETUP) image

lab: setup  ## Make the lab's models (once; kept in the cache)
	@$(BIN)/python -m orchestrator.lab

# Shell: sets `dir` to the first of runs/NAME, runs/NAME-2, ... that is free.
free_dir = dir=runs/$(1); n=1; while [ -e $$dir ]; do n=$$((n + 1)); dir=runs/$(1)-$$n; done

demo:  ## Set up what is missing, then run the whole loop on the lab
	@$(SETUP) engine; case $$? in \
	  0) $(SETUP) all && example=lab ;; \
	  1) echo 'make demo: no container engine can be had; falling back to bubblewrap, which is weaker (SECURITY.md)' >&2; \
	     $(SETUP) bubblewrap && example=lab-bubblewrap ;; \
	  *) exit ;; \
	esac || exit; \
	$(BIN)/python -m orchestrator.lab && $(call free_dir,lab) && \
	set -x && $(BIN)/assay run examples/$$example.toml --run-dir $$dir

control: lab  ## Run the lab without training, and report the newest demo beside it
	@demo=$$(ls -t runs/lab*/config.json 2>/dev/null | while read -r file; do one=$${file%/*}; \
	  grep -qs '"learn": *"dpo"' $$file && grep -qs '"type":"run.completed"' $$one/ledger.jsonl && echo $$one && break; \
	done); \
	[ -n "$$demo" ] || { echo 'make control: no finished run in runs/lab*; run `make demo` first' >&2; exit 2; }; \
	$(call free_dir,lab-control); \
	set -ex; $(BIN)/assay run examples/lab-control.toml --run-dir $$dir; \
	$(BIN)/assay report $$demo --beside $$dir

test: lab  ## Set up what is missing, then run all tests
	$(BIN)/python -m pytest

resume-drill: lab  ## Kill a small run at 25 moments, resume each, compare with one never killed (20 min; on an idle machine)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.resume_drill --kills 25 --table benchmarks/results/resume.md

attacks: setup bubblewrap  ## Run the attack programs on every sandbox, and show what was held, by family
	ASSAY_TEST_BARE=1 $(BIN)/python -m pytest -q tests/attacks

bench-sandbox: setup  ## Measure the sandbox against the plain way and a peer (8 min; on an idle machine)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.sandbox

bench-policy: setup  ## Measure the policy checker on one core (a minute; on an idle machine)
	$(BIN)/python -m benchmarks.policy

policy-rate: setup  ## Count the ordinary programs that the policy admits and leaves as they are
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.policy_rate

bench-ledger: setup  ## Measure the ledger: durable appends, verification (2 min, 1 GB of disk; on an idle machine)
	$(BIN)/python -m benchmarks.ledger

lint:  ## Check format and style
	@$(SETUP) environment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:  ## Check types
	@$(SETUP) environment
	$(BIN)/mypy

SECONDS ?= 600
fuzz:  ## Fuzz the policy for SECONDS (600), guided by coverage (needs `pip install -e .[fuzz]`)
	@$(BIN)/python -m fuzz.policy_fuzz --seconds $(SECONDS)

check: lint types test  ## All that must hold before a change is merged

clean:  ## Remove environment and tools' caches; never runs/, which is a record
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
