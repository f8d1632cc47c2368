# make demo   install into a virtual environment, index the bundled sample, answer questions
# make test   install the test tools beside it and run the tests (TEST_WORKERS=1 for one process, ARGS="-k name" to choose)
# make soak   the tests that count, fifty times as far (hours)
# make test-plain  the kernels without a compiler, then without LLVM and numba's private parts (kernels/lowlevel/README.md)
# make docs   build the site into site/; a warning is an error
# make check  lint, types, docs, test

PYTHON ?= python3
VENV ?= .venv
TEST_WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
METADATA := setup.cfg pyproject.toml constraints.txt

.PHONY: demo test test-plain soak lint types docs wheel check clean
.DEFAULT_GOAL := demo

# Only what a user gets: no test tool may hide a missing dependency from the demo.
$(VENV)/.installed: $(METADATA)
	$(PYTHON) -m venv $(VENV)
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable .
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(PIP) --no-build-isolation --editable '.[test,dev,docs]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/densephrase demo

# One torch and OpenMP thread a process: workers would fight for the cores. Numba keeps two, so that parallel kernels are.
test: $(VENV)/.developing
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=2 $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(ARGS)

# Where nothing is compiled, all kernels are tested; where all are, those that have a plain form, and a build and a search.
test-plain: $(VENV)/.developing
	NUMBA_DISABLE_JIT=1 OMP_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile tests/kernels tests/test_plain_forms.py $(ARGS)
	DENSEPHRASE_PLAIN_KERNELS=1 OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=2 \
		$(BIN)/python -m pytest -n $(TEST_WORKERS) tests/test_plain_forms.py tests/kernels/lowlevel \
		tests/kernels/test_mapped.py $(ARGS)

# Hours: random examples, mutations and kills, fifty times as many as in `make test`.
soak: $(VENV)/.developing
	SOAK=1 OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=2 $(BIN)/python -m pytest -n $(TEST_WORKERS) -m soak $(ARGS)

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The checkout maps folders to packages, which no type checker follows: check what is installed.
types: $(VENV)/.developing
	rm -rf build
	$(PIP) --no-build-isolation --no-deps --target build/types .
	cd build/types && $(abspath $(BIN))/mypy --config-file $(CURDIR)/setup.cfg --cache-dir $(CURDIR)/.mypy_cache -p densephrase

# Docstrings are read from the source, not imported. With --quiet, mkdocs would not count warnings.
docs: $(VENV)/.developing
	$(BIN)/mkdocs build --strict

# The wheel is built from the source distribution, so that a file missing there shows.
wheel: $(VENV)/.developing
	rm -rf dist
	$(BIN)/python -m build --no-isolation

check: lint types docs test

clean:
	rm -rf $(VENV) build dist site densephrase.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
