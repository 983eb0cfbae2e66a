# make test     lint, types and all tests; the cluster tests start the embedded cluster and need root
# make unit     the tests that need neither root nor a cluster
# make bench    the figures of the README
# make bench-peers  what Chaos Toolkit and hachaos say when the tutorial's master loses its disk, and what is true
# make docs     the documentation as a site, in site/: open site/index.html
# make docs-reference  the pages of docs/reference that are made from the code
# make claims   runs go-live on both stacks and writes docs/claims.md (about an hour)
# make soak     the checks against their oracles on many more histories, all scenarios with no right but those computed,
#               then go-live on both stacks, three times each (hours): are the verdicts the same each time? Then hachaos
#               is killed 60 times, and recovers
.PHONY: test unit lint docs docs-reference bench bench-peers claims soak lock clean

PYTHON := .venv/bin/python
DEV := .venv/.dev
export PYTHONDONTWRITEBYTECODE = 1

# One process has the tests that share a cluster, the other the rest.
test: $(DEV) lint
	@tests/needs.sh
	$(PYTHON) -P -m pytest -n 2 --durations=25 --durations-min=5

unit: $(DEV)
	$(PYTHON) -P -m pytest -m "not cluster and not browser"

lint: $(DEV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# The theme announces its own end on each start.
docs: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -P -m mkdocs build --quiet --strict
	@echo "site/index.html"

docs-reference: $(DEV)
	$(PYTHON) -P docs/generate.py

bench: $(DEV)
	$(PYTHON) -P -m benchmarks

bench-peers: $(DEV)
	$(PYTHON) -P -m benchmarks.peers

# A verdict that is no pass is a result here, and no reason to stop: 1 fail, 2 unknown.
claims: $(DEV)
	@for stack in published hardened; do \
	  rm -rf reports/claims/$$stack; \
	  ./hachaos run scenarios/go-live.yaml --stack $$stack --reports reports/claims/$$stack || [ $$? -le 2 ] || exit; \
	done
	./hachaos claims reports/claims/published/*/report.json reports/claims/hardened/*/report.json >docs/claims.md

soak: $(DEV)
	HACHAOS_EXAMPLES=5000 $(PYTHON) -P -m pytest -q tests/lies
	HACHAOS_LONG=1 $(PYTHON) -P -m pytest -q -m long
	$(PYTHON) -P -m benchmarks.soak
	$(PYTHON) -P -m benchmarks.crash 60

$(DEV): requirements-dev.lock requirements.lock pyproject.toml
	@./hachaos --version
	@echo "hachaos: installing what the tests need (once) ..." >&2
	@$(PYTHON) -m pip --disable-pip-version-check install -q --require-hashes -r requirements-dev.lock
	@$(PYTHON) -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .
	@touch $(DEV)

lock:
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build -o requirements.lock
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache site
