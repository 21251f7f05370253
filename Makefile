# `make demo` and `make test` do all the set-up that a fresh machine with Python 3.11, git and make needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export DO_NOT_TRACK = 1

.PHONY: demo test slow chaos bench check format lint types docs-check docs review audit lock clean

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Still There needs Python 3.11 or newer; set PYTHON=python3.11.")'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=requirements.lock $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m flows.orchestration prepare
	touch $(READY)

demo: $(READY)  ## both sides of the job on made customers: pull, compute, write, and what a CSM sees
	$(BIN)/stillthere demo

test: $(READY)  ## every test that needs no network and nothing started by hand
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

slow: $(READY)  ## the long forms: more faults, more kills, more ways to break off; some minutes
	$(BIN)/pytest -n 3 --slow -m slow

TRIALS ?= 200
FIRST ?= 1
chaos: $(READY)  ## the long form of the trials under faults and kills: TRIALS seeds from FIRST on; about half a minute each
	$(BIN)/python tests/chaos/trials.py --first $(FIRST) --trials $(TRIALS)

bench: $(READY)  ## speed and memory, as ratios within one run; takes some minutes
	$(BIN)/python benchmarks/pull.py
	$(BIN)/python -m benchmarks.score
	$(BIN)/python benchmarks/compute.py
	$(BIN)/python benchmarks/lake.py
	$(BIN)/python benchmarks/write_salesforce.py

check: $(READY) format lint types docs-check review test  ## what CI runs, with audit

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)  ## write the generated pages anew
	$(BIN)/python -m docs.generate

docs-check: $(READY)
	$(BIN)/python -m docs.generate --check

review: $(READY)  ## the lock, offline: pinned, needed, licensed, and as somebody reviewed it (docs/dependencies.md)
	$(BIN)/python -m docs.dependencies

# Its own environment, so that what it brings is not taken for ours. It leaves a report only where it could ask for known holes; docs/audit.py judges it.
audit: review  ## review, and known holes by pip-audit where its database can be reached; exit code 2 where one is not accepted
	@rm -f .venv/audit.json; { $(PYTHON) -m venv .venv/audit \
	  && timeout 60 .venv/audit/bin/pip install --quiet --disable-pip-version-check --retries 1 --timeout 10 pip-audit \
	  && timeout 60 .venv/audit/bin/pip-audit --vulnerability-service osv --disable-pip --no-deps --requirement requirements.lock --progress-spinner off --timeout 10 --format json --output .venv/audit.json; } > .venv/audit.log 2>&1; \
	  $(BIN)/python -m docs.audit .venv/audit.json

lock: $(READY)  ## resolve the dependencies anew; read the difference, then accept it: python -m docs.dependencies --accept
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --no-header --no-annotate --python-version 3.11 --extra dev pyproject.toml --output-file requirements.lock

clean:
	rm -rf .venv .stillthere
