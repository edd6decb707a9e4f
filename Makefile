# `make demo` on a machine with Python 3.11 or newer is all it takes. Nothing is put outside .venv.
VENV := .venv
BIN := $(VENV)/bin
# More than there are processors: some tests wait for what takes its time.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) + 3)))
EXTRACT := -F pyproject.toml -k say -k counted:1,2 --no-location --sort-output --project=paper-watcher
EXTRACT_WEB := -F watcher/web/babel.toml -k phrase $(wordlist 3,99,$(EXTRACT))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
SOURCES := pyproject.toml config.example.toml $(shell find watcher tests templates systemd \
	-name node_modules -prune -o -type f -not -name '*.pyc' -not -name '.*' -print)

.PHONY: help demo test check lint audit bench bench-scale faults screenshots messages clean

help:
	@echo 'make demo    the whole way in a minute: pages in, digests out, mail in demo-mail/'
	@echo 'make test    run the tests (JOBS of them at a time: $(JOBS))'
	@echo 'make check   format, lint, types, imports, coverage; runs the tests if they are due'
	@echo 'make audit   ask for known vulnerabilities of what is installed (network)'
	@echo 'make bench   measure, and print ratios (CORPUS=papers.jsonl.gz: on these papers)'
	@echo 'make bench-scale  a day of 1,000 to a million subscribers, measured (SIZES="1000 10000": of so many)'
	@echo 'make faults   make every fault happen, and count what was lost: an hour and a half'
	@echo 'make screenshots  draw the pictures of the README, with Chromium'
	@echo 'make messages  bring the catalogues of the languages up to the words of digests and pages'
	@echo 'make clean   remove all that was made'

demo: $(VENV)/.runtime
	$(BIN)/watcher demo --out demo-mail

test: $(VENV)/.dev
	@rm -f $(VENV)/.tested .coverage .coverage.*
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report= --cov-fail-under=0
	@touch $(VENV)/.tested

check: lint $(VENV)/.tested
	$(BIN)/coverage report

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive watcher
	$(BIN)/mypy
	$(BIN)/lint-imports

# Not part of `check`: it asks a service on the network, whose answer changes by itself.
audit: $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --group audit
	@mkdir -p build
	$(BIN)/python -m pip freeze --exclude-editable > build/installed.txt
	$(BIN)/pip-audit --strict --no-deps --disable-pip --requirement build/installed.txt

bench: export CORPUS ?=
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

bench-scale: export CORPUS ?=
bench-scale: $(VENV)/.dev
	$(BIN)/python -m benchmarks.scale $(SIZES)

faults: $(VENV)/.dev
	$(BIN)/python -m tests.faults --jobs $(JOBS)

screenshots: $(VENV)/.dev
	@$(BIN)/python -m tests.web.screenshots

messages: $(VENV)/.dev
	@mkdir -p build
	$(BIN)/pybabel -q extract $(EXTRACT) -o build/digest.pot .
	$(BIN)/pybabel -q extract $(EXTRACT_WEB) -o build/web.pot .
	for domain in digest web; do \
		for code in $(notdir $(basename $(wildcard watcher/digest/locale/*.po))); do \
			$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete --no-wrap \
				--ignore-pot-creation-date -i build/$$domain.pot \
				-o watcher/$$domain/locale/$$code.po -l $$code || exit 1; \
		done; \
	done

clean:
	rm -rf $(VENV) build dist demo-mail tests/web/node_modules .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.tested: $(VENV)/.dev $(SOURCES)
	@$(MAKE) --no-print-directory test

# Dependency groups need pip 25.1.
$(VENV)/.python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed.' >&2; exit 1; }
	@echo 'Setting up $(VENV) with $(PYTHON) ...'
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 \
	|| uv venv --quiet --clear --seed --python $(PYTHON) $(VENV) 2>/dev/null \
	|| { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } 2>/dev/null \
	|| { rm -rf $(VENV); echo 'A virtual environment cannot be made.' \
		'On Debian, as root: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@
