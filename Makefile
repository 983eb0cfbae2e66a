# make test     lint, types and all tests; the cluster tests start the embedded cluster and need root
# make unit     the tests that need neither root nor a cluster
# make bench    the figures of the README
.PHONY: test unit lint bench soak lock clean

PYTHON := .venv/bin/python
DEV := .venv/.dev
export PYTHONDONTWRITEBYTECODE = 1

test: $(DEV) lint
	@tests/needs.sh
	$(PYTHON) -P -m pytest

unit: $(DEV)
	$(PYTHON) -P -m pytest -m "not cluster and not browser"

lint: $(DEV)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: $(DEV)
	$(PYTHON) -P -m benchmarks

$(DEV): requirements-dev.lock requirements.lock pyproject.toml
	@./hachaos --version
	@echo "hachaos: installing what the tests need (once) ..." >&2
	@$(PYTHON) -m pip --disable-pip-version-check install -q --require-hashes -r requirements-dev.lock
	@touch $(DEV)

lock:
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build -o requirements.lock
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 pyproject.toml --extra build --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv .venv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
