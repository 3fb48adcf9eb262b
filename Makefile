python ?= .venv-test/bin/python
bin = $(dir $(python))
storms = tests/test_attack_*.py tests/test_service_hostile.py tests/test_service_storage.py

.PHONY: test thorough check docs benchmark kill-storm soak attack pictures

# The quick tier, shared among the cores.
test:
	$(python) -m pytest -q

# Everything, each property at its full number of examples; CI runs it under coverage.
thorough:
	$(python) -m pytest -q -m ""

check:
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy
	$(bin)lint-imports --no-cache
	$(python) docs/check.py

# Every step on the disk and two hundred random moments; some ten minutes.
kill-storm:
	SIZER_KILLS=400 $(python) -m pytest -q tests/test_runs_in_parts.py -m "" -k kill_at

# Storms of hostile input, each some hundred times as long as in the tests; docs/promises.md quotes their figures. Hours;
# `make attack percent=10` takes a tenth.
percent ?= 100
attack:
	SIZER_ATTACK=benchmarks/attacks.json SIZER_ATTACK_PERCENT=$(percent) $(python) -m pytest -q -m "" $(storms)

# A server under mixed load with cancelled jobs and killed workers, for ten minutes.
soak:
	$(python) benchmarks/soak.py --minutes 10 --json benchmarks/soak.json

docs:
	$(python) docs/check.py --write

# What the documents show.
pictures:
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

benchmark:
	$(python) benchmarks/counting.py --json benchmarks/counting.json
	$(python) benchmarks/dry_runs.py --json benchmarks/dry_runs.json
	$(python) benchmarks/tables.py --json benchmarks/tables.json
	$(python) benchmarks/memory.py --sizes 1e7 1e8 1e9 --json benchmarks/memory.json
	$(python) benchmarks/fits.py --json benchmarks/fits.json
	$(python) benchmarks/queries.py --json benchmarks/queries.json
	$(python) benchmarks/service.py
	$(python) benchmarks/page.py
	$(python) benchmarks/cluster.py --json benchmarks/cluster.json
