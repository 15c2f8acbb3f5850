BIN := .venv/bin
PINS := deploy/requirements
MEMBERS := contracts services/chassis services/intake services/dispatch services/scoring services/cockpit deploy
MANIFESTS := $(MEMBERS:%=%/pyproject.toml)
LOCK = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	$(foreach member,$(MEMBERS),--no-emit-package paidan-$(notdir $(member)))

# PAIDAN_PYTHON takes effect on a .venv that is ready, too.
ANOTHER_PYTHON := $(if $(PAIDAN_PYTHON),$(shell deploy/set-up.sh check || echo another-python))

.PHONY: run test check bench chaos audit format lock another-python
.DELETE_ON_ERROR:

run: .venv/run.ready ## bring everything up, play one day of the demo city, stay up until Ctrl-C (ONCE=1: end by itself)
	@$(BIN)/paidan demo $(if $(ONCE),--once)

# Six at a time on two cores, for most of a test is waiting; what tests share is started once (tests/conftest.py).
test: .venv/dev.ready ## every test but the long ones, on real servers that it starts itself
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder

check: .venv/dev.ready ## format, lint, types, import contracts
	@$(BIN)/ruff format --check -q && $(BIN)/ruff check -q && $(BIN)/mypy && $(BIN)/lint-imports

bench: .venv/dev.ready ## measure, print a table, write .paidan/bench/ (LONG=1: with a million cases stored, too; QUICK=1: small sizes)
	$(BIN)/python -m tests.bench $(if $(LONG),--long) $(if $(QUICK),--quick)

chaos: .venv/dev.ready ## the fault tests, at length (RECORDS=FILE: import that MyLA311 file, too)
	$(BIN)/pytest --chaos tests/chaos $(if $(RECORDS),tests/journeys --records $(RECORDS))

audit: .venv/dev.ready ## known vulnerabilities of every pinned package (needs PyPI's advisories)
	@deploy/audit.sh

format: .venv/dev.ready
	$(BIN)/ruff format && $(BIN)/ruff check --fix

.venv/%.ready: $(PINS)/%.txt $(PINS)/postgres.txt $(PINS)/bootstrap.txt $(MANIFESTS) deploy/set-up.sh $(ANOTHER_PYTHON)
	@deploy/set-up.sh $* && touch $@

lock: ## compile the pins anew from what the members name (UPGRADE=1: to the newest versions), the jars and the npm packages
	$(LOCK) $(if $(UPGRADE),--upgrade) $(PINS)/run.in -o $(PINS)/run.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) $(PINS)/run.in --group pyproject.toml:dev -c $(PINS)/run.txt -o $(PINS)/dev.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) $(PINS)/postgres.in -o $(PINS)/postgres.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) $(PINS)/audit.in -o $(PINS)/audit.txt
	$(LOCK) $(if $(UPGRADE),--upgrade) $(PINS)/bootstrap.in -o $(PINS)/bootstrap.txt
	$(BIN)/python -m paidan_deploy.jars.lock_update .paidan/cache/lock
	$(BIN)/python -m tests.npm_packages
