# Sea of Carbon. Needs python3 and make; everything else goes into .venv.
PYTHON ?= python3
PROFILE ?= twin
BIN := .venv/bin
READY := .venv/.ready
NEWEST := .venv-newest
UV := uv==0.13.9

.PHONY: help book edition test site lint lab links newest check-catalogs lock clean

help:
	@echo "make book [PROFILE=real]   run all notebooks and build the book: book/_build/html/index.html"
	@echo "make edition               run the notebooks on open data and freeze the results: book/edition"
	@echo "make test [ARGS='-m real'] run the tests"
	@echo "make site                  look at every page of the built book in a browser (needs Chromium)"
	@echo "make lint                  look for slips in the code"
	@echo "make lab                   open the notebooks in JupyterLab"
	@echo "make links                 ask every outside link whether it is there (needs a network)"
	@echo "make check-catalogs        open every entry of the catalogues that is at hand"
	@echo "make newest                run the tests on the newest versions of all packages, in .venv-newest"
	@echo "make lock                  write requirements.lock from pyproject.toml"
	@echo "make clean                 remove the profiles' runs, the built book and caches"

book: $(READY)
	$(BIN)/seaofcarbon run all --profile $(PROFILE)
	$(BIN)/seaofcarbon book --profile $(PROFILE)

edition: $(READY)
	$(BIN)/seaofcarbon run all --profile real
	$(BIN)/seaofcarbon run 05-maps+ --profile real --name real-ez -p depth_kind=ez
	$(BIN)/seaofcarbon edition

test: $(READY)
	$(BIN)/python -m pytest -rs $(ARGS)

site: $(READY)
	$(BIN)/python -m pytest -rs -m site tests/test_site.py

lint: $(READY)
	$(BIN)/ruff check .

# Notebooks name their files from the root of the repository, as the runner does.
lab: $(READY)
	mkdir -p .venv/ipython/profile_default/startup
	echo "import os; os.chdir('$(CURDIR)')" > .venv/ipython/profile_default/startup/00-root.py
	IPYTHONDIR=$(CURDIR)/.venv/ipython $(BIN)/jupyter lab notebooks

# Without a profile it only asks whether there is a network: before anything is run and built.
links: $(READY)
	$(BIN)/python -m seaofcarbon.publish.links
	$(MAKE) book
	$(BIN)/python -m seaofcarbon.publish.links $(PROFILE)

check-catalogs: $(READY)
	$(BIN)/seaofcarbon catalog check

# Newest versions within the bounds of pyproject.toml, then what the lock would change about them, then the tests.
newest:
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet $(UV)
	$(NEWEST)/bin/uv pip install --quiet --python $(NEWEST) --no-build --upgrade -r pyproject.toml --all-extras
	$(NEWEST)/bin/uv pip install --quiet --python $(NEWEST) --no-deps --no-build-isolation --editable .
	@echo "- newest, + lock:"
	$(NEWEST)/bin/uv pip install --python $(NEWEST) --dry-run -r requirements.lock
	$(NEWEST)/bin/python -m pytest -rs $(ARGS)

# Wheels only: nothing is compiled. The package itself is built by hatchling out of the lock.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Python 3.11, 3.12 or 3.13 is needed; give one with PYTHON=...' if not (3, 11) <= sys.version_info[:2] < (3, 14) else 0)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(UV)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(READY)

lock:
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet $(UV); }
	$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --custom-compile-command "make lock" -o requirements.lock

clean:
	rm -rf runs/twin runs/real runs/real-ez book/_build .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
