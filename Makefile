# make demo   from a bare Python 3.11: install the core, run two example campaigns, compare them
# make quick  lint, types and the tests of rooms that need no tool and no time: for while you work
# make test   lint, types and all tests (installs everything they need)
# Any Python from 3.11 to 3.13 will do; `make PYTHON=...` names another than the first one found.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0

.PHONY: demo quick test test-long lint types clean

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

# The folders whose tests take no time. Values, parsers and files: what most changes can break.
QUICK := tests/test_imports.py tests/values tests/layers tests/networks tests/pareto tests/store tests/campaign tests/corpus tests/reports

quick: $(VENV)/.all lint types
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -q -m "not slow and not hls4ml" $(QUICK)

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
