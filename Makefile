# Everything a developer types. Each target builds .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q install --no-deps --require-hashes
DATA ?= data

.PHONY: up test bench check docs format locks clean
.SECONDARY:
.DEFAULT_GOAL := up

.venv/build.stamp: requirements/build.lock
	@echo "creating .venv"
	@$(PYTHON) -m venv .venv
	@$(PIP) -r requirements/build.lock
	@touch $@

.venv/runtime.stamp: requirements/runtime.lock pyproject.toml .venv/build.stamp
	@echo "installing crossdock and what it needs to run"
	@$(PIP) -r requirements/runtime.lock
	@$(BIN)/python -m pip --disable-pip-version-check -q install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.lock .venv/runtime.stamp
	@echo "installing what tests and checks need"
	@$(PIP) -r requirements/dev.lock
	@touch $@

# Foreign clients for the contract tests, each in an environment of its own.
CLIENTS := query-era awscli workers
CLIENT_STAMPS := $(CLIENTS:%=.venv-clients/%/installed.stamp)

.venv-clients/%/installed.stamp: requirements/clients/%.lock
	@echo "installing the clients of requirements/clients/$*.lock"
	@$(PYTHON) -m venv .venv-clients/$*
	@.venv-clients/$*/bin/python -m pip --disable-pip-version-check -q install --no-deps --require-hashes -r $<
	@touch $@

NODE_STAMP := $(if $(shell command -v npm),tests/contract/node/node_modules/installed.stamp)

tests/contract/node/node_modules/installed.stamp: tests/contract/node/package-lock.json
	@echo "installing the JavaScript clients"
	@npm ci --silent --prefix tests/contract/node
	@touch $@

up: .venv/runtime.stamp
	@exec $(BIN)/crossdock up --data $(DATA)

test: .venv/dev.stamp $(CLIENT_STAMPS) $(NODE_STAMP)
	@CROSSDOCK_QUERY_ERA_MODEL=$$(ls .venv-clients/query-era/lib/python3*/site-packages/botocore/data/sqs/2012-11-05/service-2.json*) \
		$(BIN)/python -m pytest

check: .venv/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/test_house.py tests/unit/test_reference.py

# The peers that the bench starts beside crossdock; fauxqs needs a newer Node.js than most machines have, so one comes along.
.venv-peers/installed.stamp: bench/peers/python.lock bench/peers/package-lock.json
	@echo "installing the peers"
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip --disable-pip-version-check -q install --no-deps --require-hashes -r bench/peers/python.lock
	@cd bench/peers && npm ci --silent
	@touch $@

bench: .venv/dev.stamp .venv-peers/installed.stamp
	@$(BIN)/python -m bench.run $(BENCH)

# The reference pages, and the tables inside other pages, from the code; a test fails when they are not up to date.
docs: .venv/dev.stamp
	@$(BIN)/python -m docs.generate

format: .venv/dev.stamp
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

LOCK := $(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--strip-extras --allow-unsafe --no-header --no-annotate
locks: .venv/build.stamp
	@$(BIN)/python -m pip -q install pip-tools
	@$(LOCK) -o requirements/build.lock requirements/build.in
	@$(LOCK) -o requirements/runtime.lock pyproject.toml
	@$(LOCK) --extra dev --extra testing -c requirements/runtime.lock -o requirements/dev.lock pyproject.toml
	@for clients in $(CLIENTS); do $(LOCK) -o requirements/clients/$$clients.lock requirements/clients/$$clients.in; done

clean:
	rm -rf .venv .venv-clients .venv-peers build dist tests/contract/node/node_modules
