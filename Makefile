# What a person types; `make help` lists it. Needs git, make and Python 3.11 to 3.13 (uv fetches one when there is only a newer).
# Kept to GNU make 3.81, which is what macOS has, and to a POSIX shell.

BIN := .venv/bin
READY := .venv/.ready
PATH_WITH_UV := $(CURDIR)/.uv/bin:$(PATH)
# A Python that can bring uv: asked for only when uv is missing.
PYTHON = $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
# The machine's own certificates, so that a company's certificate authority is known.
UV_SYSTEM_CERTS ?= 1
# One of them has all that starts Spark.
WORKERS ?= 2
export UV_SYSTEM_CERTS
# Bytecode is kept, also where the shell says otherwise (images and CI do): without it each process that starts compiles Dagster and pandas anew, 3 s.
export PYTHONDONTWRITEBYTECODE :=
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-slow lint style types layers contracts format faults databricks-rehearsal deploy-check deploy-schema unity bench bench-demo bench-settings down clean clean-data hooks

help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Install the locked packages into .venv, and uv into .uv when it is missing

demo: $(READY) ## Six months of messy sources through bronze, silver and gold, then a summary
	@$(BIN)/globalbev demo $(ARGS)

# The sandbox is for who has named no source, in .env or by variables.
dev: $(READY) ## Dagster's UI on the demo's instance: http://localhost:3000
	@test -f .env || test -n "$$GLOBALBEV_SHOP_DSN$$GLOBALBEV_INVENTORY_URL$$GLOBALBEV_LANDING" || $(BIN)/globalbev sandbox up
	@PYTHONWARNINGS='ignore:Function `dev_command` is superseded' $(BIN)/dagster dev $(ARGS)

test: $(READY) ## All tests but the slow ones: unit, spark, integration, faults
	@$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadgroup --durations=15 --durations-min=1 $(ARGS)

test-slow: $(READY) ## What `make test` leaves out, one after the other
	@$(BIN)/pytest -m slow --durations=15 --durations-min=1 $(ARGS)

lint: style types layers contracts ## Style, types, import rules and contracts, as CI checks them

style: $(READY)
	@$(BIN)/ruff check --quiet . && echo "ruff: style kept"
	@$(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

layers: $(READY)
	@$(BIN)/lint-imports --no-logo

contracts: $(READY)
	@$(BIN)/globalbev contract lint

format: $(READY) ## Bring the code into the house's form
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

faults: $(READY) ## Everything that kills and breaks things, the slow ones too
	@$(BIN)/pytest tests/faults --durations=15 --durations-min=1 $(ARGS)

deploy-check: $(READY) .iac/.ready ## Terraform, workflows, image and bundle, as far as that goes without a cloud
	@$(BIN)/python -m deploy.checks .iac $(ARGS)
	@$(BIN)/pytest -q -p no:randomly tests/unit/test_unity.py $(wildcard tests/unit/test_deploy_*.py)

deploy-schema: $(READY) .iac/.ready ## Take the providers' schema anew, after another resource or version
	@$(BIN)/python -m deploy.checks.provider_schema .iac/lib/python3.*/site-packages

unity: $(READY) ## Write the golden files of the SQL for Unity Catalog anew, after a contract has changed
	@$(BIN)/globalbev contract unity --catalog globalbev_dev --lake abfss://lake@stglobalbevdev.dfs.core.windows.net --out tests/golden/unity

bench: $(READY) ## Measure against one plain PySpark script; results in benchmarks/results
	@$(BIN)/python -m benchmarks $(ARGS)

bench-demo: $(READY) ## Measure `make demo` in a fresh clone: seconds, and memory of all its processes
	@$(BIN)/python -m benchmarks.demo $(ARGS)

bench-settings: $(READY) ## Measure what each setting of the local Spark profile saves
	@$(BIN)/python -m benchmarks.spark_settings $(ARGS)

databricks-rehearsal: $(READY) ## Three days through Dagster's step launcher, on a Databricks workspace of this machine
	@PATH="$(PATH_WITH_UV)" $(BIN)/globalbev databricks rehearse $(ARGS)

down: ## Stop what was started: the sources and the Spark server
	@if [ -x $(BIN)/globalbev ]; then $(BIN)/globalbev sandbox down && $(BIN)/globalbev doctor --stop; else echo "nothing is set up"; fi

clean: down ## Remove the environment and caches; the lake and .env stay
	@rm -rf .venv .uv .iac .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache spark-warehouse

clean-data: down ## Delete .globalbev, with the demo's lake and sources, and .env: needs CONFIRM=yes
	@test "$(CONFIRM)" = yes || { echo "This deletes the lake. To do it: make clean-data CONFIRM=yes" >&2; exit 1; }
	@rm -rf .globalbev .env

hooks: $(READY) ## Check what is committed before each commit
	@$(BIN)/pre-commit install

# The stamp is as new as the lock, so that a second make takes no time.
$(READY): pyproject.toml uv.lock
	@uv cache dir >/dev/null 2>&1 || $(MAKE) .uv/bin/uv
	@echo "set-up: the locked packages into .venv (seconds from a filled cache; 0.9 GB to download the first time)"
	@PATH="$(PATH_WITH_UV)" uv sync --quiet --frozen --all-extras
	@touch $@

# A second environment: checkov's hcl2 and python-hcl2 overwrite each other.
.iac/.ready: pyproject.toml uv.lock
	@echo "set-up: checkov and the providers' schema into .iac"
	@PATH="$(PATH_WITH_UV)" UV_PROJECT_ENVIRONMENT=.iac uv sync --quiet --frozen --only-group iac
	@touch $@

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found. Debian, Ubuntu: apt-get install python3 python3-venv. macOS: brew install python@3.13" >&2; exit 1; }
	@echo "set-up: uv into .uv"
	@$(PYTHON) -m venv .uv || { rm -rf .uv; echo "That Python cannot make an environment. Debian, Ubuntu: apt-get install python3-venv, then make again." >&2; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8' || { rm -rf .uv; exit 1; }
