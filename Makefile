# Every target sets up what it needs; the second time that costs nothing.
#   ARGS="…" is handed on: make up ARGS="--slots 8", make test ARGS="tests/unit -k task"

PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help demo up down test check bench kill lock

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

demo: ## one task through everything, from an empty machine to the patch
	@tools/setup run
	@$(PYTHON) demo/run.py $(ARGS)

up: ## start the emulator, deploy to it what has changed, and wait until it answers
	@tools/setup run
	@$(PYTHON) tools/up.py $(ARGS)

down: ## stop it
	@tools/setup run
	@$(PYTHON) -m emulator down $(ARGS)

test: ## all tests, with coverage, and the functions' tests on Python 3.10 too
	@tools/setup test
	@tools/test $(ARGS)

check: ## the gate: format, lint, types, import contracts, tests
	@tools/setup test
	@tools/check
	@tools/test

bench: ## speed and size, printed as JSON
	@tools/setup run >&2
	@$(PYTHON) bench/run.py $(ARGS)

kill: ## a deployment killed before and after every single call, and run again (minutes)
	@tools/setup test >&2
	@$(PYTHON) -m tests.support.killing

lock: ## pin the newest versions that fit the .in files (needs uv)
	@tools/lock
