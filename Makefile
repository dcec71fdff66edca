# make demo       install what using monoface needs, and turn the sample photo into a 3D face
# make test       install what developing needs, and run all tests
# make test-fast  the tests that are not slow
# make lint       style, types, layers
# make docs       build the documentation into site/, and check its links
#
# Everything is installed into .venv, once; it is done again when what is needed changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Bytecode is made when a module is first imported: of most of torch, in development, never.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt
# Several tests at a time; each uses one thread.
PYTEST_ARGS ?= --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: demo test test-fast lint docs
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed-base
	$(BIN)/monoface reconstruct examples/astronaut.png --out out --overwrite
	@echo
	@echo "Open out/astronaut.face0.glb in any glTF viewer (Blender: File > Import > glTF 2.0),"
	@echo "out/astronaut.overlay.png in any picture viewer; the numbers are in out/astronaut.json."

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-base: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing monoface into $(VENV), once."
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing monoface and its development tools into $(VENV), once."
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.installed-base
