python ?= .venv-test/bin/python
bin = $(dir $(python))
storms = tests/test_attack_*.py tests/test_service_hostile.py tests/test_service_storage.py

.PHONY: help test thorough check docs site pictures benchmark kill-storm soak attack
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-12s %s\n", $$1, $$2}'

test: ## the quick tests, shared among the cores; two minutes on two cores
	$(python) -m pytest -q

# CI runs this under coverage.
thorough: ## every test, each property at its full number of examples
	$(python) -m pytest -q -m ""

check: ## formatting, lint, types, floors, documents: what CI runs beside the tests
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	$(bin)lint-imports --no-cache
	$(python) docs/check.py

kill-storm: ## kill runs at every step on the disk and at two hundred random moments; some ten minutes
	SIZER_KILLS=400 $(python) -m pytest -q tests/test_runs_in_parts.py -m "" -k kill_at

# Each some hundred times as long as in the tests; docs/promises.md quotes their figures.
percent ?= 100
attack: ## storms of hostile input; hours, and `make attack percent=10` takes a tenth
	SIZER_ATTACK=benchmarks/attacks.json SIZER_ATTACK_PERCENT=$(percent) $(python) -m pytest -q -m "" $(storms)

soak: ## a server under mixed load with cancelled jobs and killed workers, for ten minutes
	$(python) benchmarks/soak.py --minutes 10 --json benchmarks/soak.json

docs: ## make the generated parts of README and docs anew, then the site
	$(python) -m docs.notebook --write
	$(python) docs/check.py --write
	$(MAKE) site

site: ## build docs/ as a site, docs/_site/index.html, and follow its links
	$(python) -m sphinx -q -E -W --keep-going -b html docs docs/_site
	$(python) docs/check.py --site docs/_site

pictures: ## make the pictures that the documents show anew
	$(python) -m sizer run sweeps/speech.yaml
	$(python) -m sizer plot results/speech.parquet --out docs/images/weights.png --width 500
	$(python) -m sizer plot results/speech.parquet --kind heatmap --out docs/images/heatmap.png
	$(python) -m sizer report results/speech.parquet
	chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --window-size=1200,2150 --screenshot=docs/images/report.png results/speech.html
	$(python) -m sizer run sweeps/speech.yaml --format xlsx
	soffice --headless --convert-to pdf --outdir results results/speech.xlsx
	pdftoppm -r 80 -png -singlefile -f 44 -l 44 results/speech.pdf docs/images/workbook
	SIZER_SCREENSHOTS=docs/images $(python) -m pytest -q tests/test_service_page.py -m "" -k rows_are_sorted
	mv docs/images/budget.png docs/images/service-rows.png && rm docs/images/rows.png docs/images/condition.png

benchmark: ## measure every figure that the documents quote anew; an hour
	$(python) benchmarks/counting.py --json benchmarks/counting.json
	$(python) benchmarks/dry_runs.py --json benchmarks/dry_runs.json
	$(python) benchmarks/tables.py --json benchmarks/tables.json
	$(python) benchmarks/memory.py --sizes 1e7 1e8 1e9 --json benchmarks/memory.json
	$(python) benchmarks/fits.py --json benchmarks/fits.json
	$(python) benchmarks/queries.py --json benchmarks/queries.json
	$(python) benchmarks/service.py
	$(python) benchmarks/page.py
	$(python) benchmarks/cluster.py --json benchmarks/cluster.json
