# Two commands do everything on a fresh machine: `make answer` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: answer test lint types bench docs golden clean

answer: $(VENV)/.core  ## run the shipped review and say where the report is
	@$(BIN)/synovia run reviews/knee-oa

test: $(VENV)/.dev lint types  ## everything that must hold
	@OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg $(BIN)/python -m pytest -n auto --maxprocesses 8

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy

bench: $(VENV)/.dev  ## timed things; each script measures what it compares in the same run
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script; done

docs: $(VENV)/.dev  ## every example of the docs, executed
	@$(BIN)/python -m pytest tests/docs

golden: $(VENV)/.dev  ## write the golden mini-review's report again, after looking at the difference
	@$(BIN)/python tests/golden/regenerate.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis reviews/*/out reviews/*/.synovia

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Synovia needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Try: make PYTHON=python3.12 answer")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Synovia into $(VENV) (once) ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@
