# Everything a person does with this repository. `make help` lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq --require-hashes --no-deps --no-build-isolation
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --annotation-style=line \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

# Test processes side by side; each starts a PostgreSQL of its own. Four keep two cores busy, since many tests wait for servers.
JOBS ?= 4

# Tests that take a sample of their cases, or a short way to start commands. `make chaos` takes all cases and the long way.
SAMPLED := tests/acceptance tests/api tests/test_docs.py tests/bench/test_bench_quick.py tests/bench/test_growth.py \
  tests/domain/test_calendar.py tests/engines/ray tests/engines/test_reference_transcription.py tests/engines/test_sandbox.py \
  tests/storage/test_addition_races.py tests/storage/test_bulk_cancels.py tests/storage/test_invariants.py \
  tests/storage/test_job_lists.py tests/storage/test_push_races.py tests/storage/test_races.py tests/storage/test_retry_races.py tests/storage/test_reuse.py \
  tests/storage/test_stop_races.py tests/storage/test_task_lists.py tests/storage/test_task_status_races.py \
  tests/storage/test_task_update_races.py \
  tests/web

# Published clients, generators of clients and testers, which need other versions than the server, an object store, which is large, a linter
# of Dockerfiles, what engines with models need, and speech to try them on. Each has a lock file in requirements/clients.
CLIENTS := gql sgqlc openapi-python-client openapi-generator okhttp schemathesis seaweedfs hadolint engines speech

# The libraries of a generated Java client, which a test compiles.
JARS := okhttp logging-interceptor okio-jvm kotlin-stdlib gson gson-fire jsr305 javax.annotation-api

# Given on the command line, read from the environment by the recipes: so a name may hold spaces and quotes.
export FILE KEEP DATA PORT SCHEDULES FIRE SEED

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/runtime ## Run a job on the server that is configured, else on one of its own: FILE=a file or URL, DATA=a folder to keep, KEEP=1 to go on serving, PORT=its port
	@$(BIN)/enginehouse run $${FILE:+"$$FILE"} $${DATA:+--data "$$DATA"} $${KEEP:+--keep} $${PORT:+--port "$$PORT"}

.PHONY: serve
serve: $(VENV)/runtime ## Start a server and keep it up: DATA=its folder (data), PORT=its port (9000), and the variables ENGINEHOUSE_*
	@exec env ENGINEHOUSE_DATA="$${DATA:-$${ENGINEHOUSE_DATA:-data}}" $(BIN)/enginehouse serve $${PORT:+--port "$$PORT"}

# The tests keep what they compile. Otherwise each of the servers that they start compiles itself again.
.PHONY: test
test: $(VENV)/dev clients ## Run every test, on SQLite and on a PostgreSQL that the tests start: JOBS=processes (4)
	@unset PYTHONDONTWRITEBYTECODE; $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
	@echo "test: everything passed"

.PHONY: clients
clients: $(VENV)/wheel/stamp $(CLIENTS:%=$(VENV)/clients/%/stamp) ## Install the published clients and generators that the tests call, each in an environment of its own

.PHONY: chaos
chaos: $(VENV)/dev clients ## Schedules under fire, every time zone, extreme value and filter: SCHEDULES=how many (10000), FIRE=seconds (600), SEED=a former one
	@failed=0; \
	  ENGINEHOUSE_CHAOS=1 CHAOS_SCHEDULES="$${SCHEDULES:-10000}" CHAOS_SECONDS="$${FIRE:-600}" \
	  $${SEED:+env CHAOS_SEED="$$SEED"} $(BIN)/python -m pytest -s --timeout 36000 tests/chaos || failed=1; \
	  ENGINEHOUSE_CHAOS=1 $(BIN)/python -m pytest -n $(JOBS) --timeout 36000 $(SAMPLED) || failed=1; \
	  exit $$failed
	@echo "chaos: everything held"

.PHONY: check
check: $(VENV)/dev ## Check format, lint, types, the one-way imports, and that the generated documents are up to date
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log 2>&1 || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/python docs/generate.py --check
	@echo "check: everything is in order"

.PHONY: format
format: $(VENV)/dev ## Bring the code into form and the generated documents up to date
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python docs/generate.py

# `make bench scale` is one command: what grows with the stored jobs. HUGE=1: 10 million jobs of one task.
.PHONY: bench
bench: $(VENV)/dev ## Measure this server beside task queues and schedulers, which are installed in environments of their own
	@$(BIN)/python bench/run.py $(if $(filter scale bench-scale,$(MAKECMDGOALS)),scale $(if $(HUGE),--huge))

.PHONY: scale
scale: bench ## Measure what everything costs beside a thousand and beside a million stored jobs: HUGE=1 for ten million

.PHONY: bench-scale
bench-scale: scale

.PHONY: bench-compare
bench-compare: $(VENV)/dev ## Measure this server, and fail if a figure is a tenth worse than recorded
	@$(BIN)/python bench/run.py --compare

.PHONY: bench-record
bench-record: $(VENV)/dev ## Measure everything, record it, and write the tables and the picture of the documentation
	@$(BIN)/python bench/run.py --record

.PHONY: quality
quality: $(VENV)/dev $(VENV)/clients/engines/stamp $(VENV)/clients/speech/stamp ## Measure how good the engines are on samples, and write it into docs/reference/engines.md
	@$(BIN)/python -m bench.quality
	@$(BIN)/python docs/generate.py

.PHONY: assets
assets: ## Copy what the pages load from the npm packages, by the integrity in their lock file
	npm ci --prefix tests/node --ignore-scripts --no-audit --no-fund
	cp tests/node/node_modules/htmx.org/dist/htmx.min.js tests/node/node_modules/htmx.org/dist/ext/hx-sse.min.js src/enginehouse/web/vendored/
	cp tests/node/node_modules/uplot/dist/uPlot.iife.min.js tests/node/node_modules/uplot/dist/uPlot.min.css src/enginehouse/web/vendored/

.PHONY: screenshots
screenshots: $(VENV)/dev ## Take the pictures of the pages for the documentation, with Chromium
	@$(BIN)/python -m docs.screenshots

.PHONY: lock
lock: $(VENV)/dev ## Choose newer dependencies and write down their hashes
	$(COMPILE) --upgrade -o requirements/build.txt requirements/build.in
	$(COMPILE) --upgrade --extra engines -o requirements/runtime.txt pyproject.toml
	$(COMPILE) --upgrade --extra dev --extra engines --extra media --extra oidc --extra otel --extra ray --extra s3 -c requirements/runtime.txt -o requirements/dev.txt pyproject.toml
	$(COMPILE) --extra ray -c requirements/dev.txt -o requirements/ray.txt pyproject.toml
	$(COMPILE) --extra media -c requirements/dev.txt -o requirements/media.txt pyproject.toml
	$(COMPILE) --extra oidc -c requirements/dev.txt -o requirements/oidc.txt pyproject.toml
	$(COMPILE) --extra otel -c requirements/dev.txt -o requirements/otel.txt pyproject.toml
	@for client in $(CLIENTS); do \
	  $(COMPILE) --upgrade -o requirements/clients/$$client.txt requirements/clients/$$client.in || exit 1; done

.PHONY: clean
clean: ## Remove everything that was installed or made, except data folders
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/.venv bench/.venv-* bench/out
	@find . -name '*.egg-info' -prune -exec rm -rf {} + -o -name __pycache__ -prune -exec rm -rf {} +

# What is installed, by lock: a stamp is as old as the installation it stands for.

$(BIN)/python:
	@for python in python3.11 python3 python; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed; none of python3.11, python3, python is." >&2; exit 1; fi; \
	$$python -m venv $(VENV) || { echo "$$python cannot make virtual environments: install its venv package." >&2; exit 1; }

$(VENV)/runtime: $(BIN)/python requirements/build.txt requirements/runtime.txt pyproject.toml
	@echo "Installing what the server and its engines need (once) …"
	@$(PIP) -r requirements/build.txt
	@$(PIP) -r requirements/runtime.txt
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements/dev.txt
	@echo "Installing what the tests and checks need (once) …"
	@$(PIP) -r requirements/dev.txt
	@touch $@

$(VENV)/wheel/stamp: requirements/build.txt requirements/runtime.txt | $(VENV)/runtime
	@echo "Installing what the wheel needs, for its test (once) …"
	@$(BIN)/python -m venv --without-pip --clear $(@D)
	@for lock in $^; do PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --python $(@D)/bin/python install -qq \
	  --require-hashes --no-deps --no-build-isolation -r $$lock || exit 1; done
	@touch $@

$(VENV)/clients/okhttp/stamp: requirements/clients/okhttp.txt | $(VENV)/runtime
	@echo "Downloading what Java clients are compiled with (once) …"
	@rm -rf $(@D) && mkdir -p $(@D)/whole
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip download -qq --require-hashes --no-deps --no-binary :all: \
	  --no-build-isolation --dest $(@D)/whole -r $<
	@cd $(@D) && tar -xzf whole/*.tar.gz -C whole && mv $(JARS:%=whole/*/deps/lib/%-[0-9]*.jar) . && rm -r whole
	@touch $@

# The tests of pocketsphinx have five sentences of a LibriVox reading (public domain) with their words. Only its source package has them.
$(VENV)/clients/speech/stamp: requirements/clients/speech.txt requirements/runtime.txt | $(VENV)/runtime
	@echo "Downloading speech for the tests (once) …"
	@$(BIN)/python -m venv --without-pip --clear $(@D)
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --python $(@D)/bin/python install -qq \
	  --require-hashes --no-deps --only-binary :all: -r $<
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --python $(@D)/bin/python download -qq --require-hashes --no-deps \
	  --no-binary :all: --no-build-isolation --dest $(@D)/whole --constraint requirements/runtime.txt pocketsphinx
	@cd $(@D) && tar -xzf whole/*.tar.gz -C whole && mv whole/*/test/data/librivox/*.wav whole/*/test/data/librivox/*.txt . && rm -r whole
	@touch $@

$(VENV)/clients/%/stamp: requirements/clients/%.txt | $(VENV)/runtime
	@echo "Installing the client $* for its test (once) …"
	@$(BIN)/python -m venv --without-pip --clear $(VENV)/clients/$*
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --python $(VENV)/clients/$*/bin/python install -qq \
	  --require-hashes --no-deps --only-binary :all: -r requirements/clients/$*.txt
	@touch $@
