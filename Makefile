# Two commands matter: `make run` and `make test`. Both prepare everything they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS ?=
# Three workers on two cores: the tests mostly wait for processes, disks and deadlines.
PYTEST_ARGS ?= -n 3 --dist loadfile

.PHONY: help setup run test unit lint openapi lock fuzz bench lab soak clean native screenshots

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(STAMP)  ## prepare .venv with everything in it

$(STAMP): pyproject.toml locks/develop.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: apt-get install python3.11 python3.11-venv, or set PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	$(PIP) --no-deps --require-hashes -r locks/develop.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check >/dev/null || { $(BIN)/python -m pip check; exit 1; }
	@touch $(STAMP)

run: $(STAMP)    ## start the service in demo mode; ARGS="--port 8080" passes arguments on
	$(BIN)/kkt-adapter serve --demo $(ARGS)

native:          ## PostgreSQL, Redis, promtool and Chromium for the tests, through the system's package manager
	@sh scripts/native.sh

# The branches that tests/unit reaches are counted and printed; the floor stands in pyproject.toml. Counting makes
# those tests two to three times as slow, so a run with CI set leaves it out.
# The labs fill both processors, so nothing runs beside them.
test: $(STAMP) native  ## linters, types, layers, all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(if $(CI)$(ARGS),,$(BIN)/python -m pytest $(PYTEST_ARGS) tests/unit --cov --cov-report=)
	$(BIN)/python -m pytest $(PYTEST_ARGS) $(if $(ARGS),$(ARGS),--ignore=tests/lab $(if $(CI),,--ignore=tests/unit))
	$(if $(ARGS),,$(BIN)/python -m pytest tests/lab)

lint: $(STAMP)   ## linters, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

unit: $(STAMP)   ## the fast tests only
	$(BIN)/python -m pytest tests/unit $(ARGS)

openapi: $(STAMP) ## write docs/reference/openapi.json and the client anew from the routes
	$(BIN)/python scripts/openapi.py

lock:            ## write locks/*.txt anew, the packages and their hashes; needs PyPI
	PYTHON=$(PYTHON) sh scripts/lock.sh

fuzz: $(STAMP)   ## many extreme requests over every operation; FUZZ_REQUESTS=100000 FUZZ_SEED=1
	FUZZ_REQUESTS=$${FUZZ_REQUESTS:-50000} $(BIN)/python -m pytest tests/integration/api/test_every_field_fuzzed.py tests/integration/api/doors/test_doors_fuzzed.py $(ARGS)

screenshots: $(STAMP) native ## pictures of the pages into docs/images
	$(BIN)/python scripts/screenshots.py

bench: $(STAMP)  ## the table of measured ratios
	$(BIN)/python -m bench $(ARGS)

lab: $(STAMP) native  ## 10,000 faults against real processes, then the certificate
	$(BIN)/kkt-adapter lab --faults 10000 --mixed $(ARGS)

soak: $(STAMP) native  ## the suite five times beside a load that takes one processor
	$(BIN)/python scripts/soak.py $(ARGS)

clean:           ## remove .venv and caches; data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
