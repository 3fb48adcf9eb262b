python ?= .venv-test/bin/python
bin = $(dir $(python))

.PHONY: test check docs benchmark

test:
	$(python) -m pytest -q

check:
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	$(bin)lint-imports --no-cache
	$(python) docs/check.py

docs:
	$(python) docs/check.py --write

benchmark:
	$(python) benchmarks/counting.py --json benchmarks/counting.json
