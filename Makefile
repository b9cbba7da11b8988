# make setup | demo | test | check | clean.  Needs Python 3.11 or newer with venv, and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
WORKERS ?= 2
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard */__init__.py))
SAMPLE ?= pipeline/sample/photo.jpg
OUT ?= out/demo

# One thread a process: on few cores two workers of one thread beat one of two.
export OMP_NUM_THREADS ?= 1
# albumentations asks PyPI for a newer version on import unless told not to.
export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: help setup demo test check format clean

help:
	@echo "make setup   create $(VENV) and install everything into it"
	@echo "make demo    read the sample photo; findings on the screen, report in $(OUT)"
	@echo "make test    run all tests"
	@echo "make check   ruff and mypy"
	@echo "make format  let ruff format and mend"
	@echo "make clean   remove $(VENV), caches and out/"

setup: $(STAMP)

$(STAMP): requirements.txt pyproject.toml
	@python=""; \
	for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	[ -n "$$python" ] || { echo "No Python 3.11 or newer was found: install one, or say make PYTHON=/path/to/python3." >&2; exit 1; }; \
	[ -x $(BIN)/python ] || { rm -rf $(VENV); $$python -m venv $(VENV) || \
	  { echo "$$python cannot make a virtual environment: install its venv package (Debian: apt-get install python3-venv)." >&2; rm -rf $(VENV); exit 1; }; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar off -r requirements.txt
	# compat: a plain path entry, so a package added later is importable at once.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat -e .
	touch $@

demo: $(STAMP)
	$(BIN)/ecgphoto diagnose $(SAMPLE) --out $(OUT)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES) tests

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache build out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
