# `make demo` and `make test` work from a clean clone with Python 3.11+, make and a package index.
PYTHON ?= python3
SANDBOX ?= bubblewrap
VENV ?= .venv
ARENO_VENV ?= .venv-areno
BIN := $(VENV)/bin

.PHONY: demo test lint types unit campaigns soak hostile unprivileged container bench areno-smoke areno-learn setup clean

demo: $(VENV)/.run
	@$(BIN)/coding-agent rollout tasks --sandbox $(SANDBOX)

test: lint types unit

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	@# The tests start hundreds of processes of ours: each would compile all that it imports.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n auto --coding-agent-replays replays

campaigns: $(VENV)/.dev
	@$(BIN)/python scripts/soak.py --short --rest

soak: $(VENV)/.dev
	@$(BIN)/python scripts/soak.py

hostile: $(VENV)/.dev
	@$(BIN)/python scripts/hostile.py

# As root only: a copy of this checkout, owned by somebody else and below no folder of root's.
unprivileged:
	@sh scripts/unprivileged.sh demo unit campaigns hostile

container: $(VENV)/.dev
	@$(BIN)/python scripts/make_image.py
	@CODING_AGENT_IMAGE=localhost/coding-agent-minimal $(BIN)/pytest -q -n 2 tests/sandbox -k container

bench: $(VENV)/.dev
	@$(BIN)/python benchmarks/log.py
	@$(BIN)/python -m benchmarks.append_parts
	@$(BIN)/python -m benchmarks.episode --rounds 5
	@$(BIN)/python benchmarks/rollout_schedule.py --seeds 2 --real 0.02

areno-smoke: $(ARENO_VENV)/.areno
	@$(ARENO_VENV)/bin/pytest -q -p no:cacheprovider benchmarks/areno_cpu
	@$(ARENO_VENV)/bin/python -m benchmarks.areno_cpu.smoke --sandbox $(SANDBOX)

areno-learn: $(ARENO_VENV)/.areno
	@$(ARENO_VENV)/bin/python -m benchmarks.areno_cpu.learn runs/areno-learn-$$(date -u +%Y%m%d-%H%M%S) --sandbox $(SANDBOX) $(LEARN)

setup: $(VENV)/.dev

$(VENV)/.run: pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh $(VENV) $(PYTHON) .
	@touch $@

$(VENV)/.dev: pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh $(VENV) $(PYTHON) '.[dev]'
	@touch $@ $(VENV)/.run

$(ARENO_VENV)/.areno: pyproject.toml scripts/setup.sh scripts/setup_areno.sh benchmarks/areno_cpu/requirements.txt
	@sh scripts/setup_areno.sh $(ARENO_VENV) $(PYTHON)
	@touch $@

clean:
	rm -rf $(VENV) $(ARENO_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
