# make demo   from a bare Python 3.11: install the core, run two example campaigns, compare them
# make test   lint, types and all tests (installs everything they need)
# Any Python from 3.11 to 3.13 will do; `make PYTHON=...` names another than the first one found.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0

.PHONY: demo test test-long lint types clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The core alone: no torch, no TensorFlow.
$(VENV)/.core: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Everything the tests touch. torch goes in first, so that its CPU build is taken.
$(VENV)/.all: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[gp,hls4ml,bo,nas,plot,data,test]"
	@touch $@

demo: $(VENV)/.core
	@$(BIN)/dse run campaigns/jet_tagger_performance.toml -y
	@$(BIN)/dse run campaigns/jet_tagger_compact.toml -y
	@$(BIN)/dse compare campaigns/jet_tagger_performance.toml campaigns/jet_tagger_compact.toml --homogeneous 4

test: $(VENV)/.all lint types
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -q -m "not slow"

test-long: $(VENV)/.all
	DSE_NEW_EXAMPLES=1 $(BIN)/python -m pytest -q

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.all
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
