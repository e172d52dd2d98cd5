# Every target sets itself up: an environment in .venv, then pip with the versions of constraints.txt.
# Another Python: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
PY := $(VENV)/bin/python
# The environment is made anew where it was moved (its install points to the old folder), where its Python is
# gone, and where PYTHON names another version.
ASKED := $(if $(filter file,$(origin PYTHON)),,$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null))
STALE := $(shell $(PY) -c 'import pip, sys; made = open("$(VENV)/folder").read().strip(); \
  sys.exit(made != sys.argv[1] or sys.argv[2] not in ("", "%d.%d" % sys.version_info[:2]))' \
  '$(CURDIR)' '$(ASKED)' 2>/dev/null || echo stale)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-device check bench docs clean environment

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/installed-demo ## Train, convert, measure and compare a small model
	$(PY) -m edgekit demo -o demo --force

test: $(VENV)/installed-dev ## Run the fast tests
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m 'not slow and not device'

test-slow: $(VENV)/installed-dev ## Run the slow tests
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m 'slow and not device'

test-device: $(VENV)/installed-dev ## Run the tests on a stand-in of a Raspberry Pi (root, Debian)
	$(PY) -m pytest -n $(JOBS) --dist worksteal -m device tests/devices

check: $(VENV)/installed-dev ## Check style, types, import rules and installed versions
	$(PY) -m ruff check --no-cache
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo
	$(PY) -m pip check

bench: $(VENV)/installed-dev ## Measure edgekit itself, into docs/benchmarks.md
	$(PY) bench/run.py

docs: $(VENV)/installed-dev ## Write docs/reference/ from the code
	$(PY) docs/generate.py

clean: ## Remove all that make made
	rm -rf $(VENV) demo build dist .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/installed-%: pyproject.toml constraints.txt $(if $(STALE),environment)
	@echo "installing edgekit[$*] and its libraries into $(VENV); the first time takes minutes"
	@$(if $(filter dev,$*),$(PY) -m pip install -q --disable-pip-version-check torch==2.13.0)
	@$(PY) -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

environment:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "edgekit needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@[ ! -e $(VENV) ] || [ -f $(VENV)/pyvenv.cfg ] || { echo "$(VENV) is no Python environment: remove it, or choose another with VENV=.venv-mine" >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "$(VENV) cannot be made: if it is another user's, choose another with VENV=.venv-mine" >&2; exit 2; }
	@echo '$(CURDIR)' > $(VENV)/folder
