# One command per thing one does here. Each makes the environment that it needs and keeps it for the next time.
#
#   PYTHON=python3.13   the Python the environments are made from (3.11 or newer); `make clean-all` first to change it
#   UV=                 make the environments with venv and pip even where uv is installed
#   EPOCHS=N            how long `make demo` trains
#   PYODIDE=FOLDER      what `make browser` runs; without it a Pyodide with NumPy is fetched, 77 MB, into .pyodide
#   PYODIDE_URL=        the address or folder of the Pyodide that the page built by `make docs` loads
#   TORCH_INDEX=URL     where `make parity` and `make bench` get PyTorch from. On Linux PyPI's own wheels bring
#                       several GB of CUDA libraries; https://download.pytorch.org/whl/cpu has the CPU build alone.

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
EPOCHS ?= 14
TORCH_INDEX ?=
PYODIDE ?=
export PYODIDE_URL

ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.PHONY: help demo test check format parity oldest fuzz mutants bench docs browser clean clean-all

help:
	@echo "make demo    train a small model on data that is in the box"
	@echo "make test    the tests; only NumPy, pytest and hypothesis needed"
	@echo "make check   ruff and mypy"
	@echo "make format  let ruff rewrite what it can"
	@echo "make parity  the tests that hold minigrad against PyTorch (about 1 GB, an environment of its own)"
	@echo "make oldest  the tests on the oldest NumPy that is supported (Python 3.11 or 3.12)"
	@echo "make fuzz    200,000 damaged files and 3,000 killed saves, about a quarter of an hour"
	@echo "make mutants breaks each gradient formula in turn, and counts the breaks that the tests notice"
	@echo "make bench   timings beside PyTorch, one thread, about two minutes"
	@echo "make docs    the documentation, into docs/_build"
	@echo "make browser the wheel under Pyodide, in Node and in a headless Chromium"
	@echo "make clean   what builds and tests leave behind; clean-all: the environments too"

demo: .venv/.base
	$(ONE_THREAD) .venv/bin/python examples/classify_surnames.py --epochs $(EPOCHS)

test: .venv/.tests
	.venv/bin/python -m pytest

check: .venv/.check
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/.check
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

parity: .venv-parity/.parity
	$(ONE_THREAD) .venv-parity/bin/python -m pytest tests/parity

oldest: .venv-oldest/.oldest
	.venv-oldest/bin/python -m pytest

fuzz: .venv/.tests
	.venv/bin/python tools/fuzz_files.py
	.venv/bin/python tools/kill_saves.py

mutants: .venv/.mutants
	$(ONE_THREAD) .venv/bin/python tools/mutants.py

bench: .venv-parity/.parity
	$(ONE_THREAD) .venv-parity/bin/python -m benchmarks --out build/benchmarks

docs: .venv/.docs
	.venv/bin/python -m sphinx -W --keep-going docs docs/_build/html

browser: .venv-browser/.browser
	.venv-browser/bin/python tools/browser.py $(PYODIDE)

clean:
	rm -rf build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find minigrad tests examples benchmarks tools -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

clean-all: clean
	rm -rf .venv .venv-parity .venv-oldest .venv-browser .pyodide

# Environments. `made` is written once the environment is whole, so that one that failed half-way is made anew;
# a stamp per set of extras is older than pyproject.toml when they have to be installed again.

python_is_new_enough = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "minigrad needs Python 3.11 or newer and $(PYTHON) is not: say make PYTHON=python3.13" >&2; exit 1; }
with_pip = $(python_is_new_enough); rm -rf $(1); $(PYTHON) -m venv $(1)

ifneq ($(strip $(UV)),)
.venv/.made:
	@$(python_is_new_enough)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv
	@touch $@
install := $(UV) pip install --quiet --python .venv/bin/python --editable
else
.venv/.made:
	$(call with_pip,.venv)
	@touch $@
install := .venv/bin/python -m pip install --quiet --editable
endif

.venv/.base: pyproject.toml | .venv/.made
	$(install) .
	@touch $@

.venv/.tests .venv/.check .venv/.docs: .venv/.%: pyproject.toml | .venv/.made
	$(install) '.[$*]'
	@touch $@

.venv/.mutants: pyproject.toml | .venv/.made
	$(install) '.[tests,special]'
	@touch $@

# pip in both: TORCH_INDEX and a machine's own pip configuration then mean what they say.
.venv-parity/.made .venv-oldest/.made .venv-browser/.made: %/.made:
	$(call with_pip,$*)
	@touch $@

.venv-parity/.parity: pyproject.toml | .venv-parity/.made
	.venv-parity/bin/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	.venv-parity/bin/python -m pip install --quiet --editable '.[tests,parity]'
	@touch $@

.venv-oldest/.oldest: pyproject.toml | .venv-oldest/.made
	.venv-oldest/bin/python -m pip install --quiet --only-binary numpy numpy==2.0.0 --editable '.[tests]'
	@touch $@

.venv-browser/.browser: pyproject.toml | .venv-browser/.made
	.venv-browser/bin/python -m pip install --quiet hatchling --editable .
	@touch $@
