"""The page, as a person uses it: in Chromium, against a real server, with a screenshot of each of its main paths."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sizer
from sizer.sweepfile.load import parse_sweep
from tests.served import LARGE, ROOT, SMALL, Served, served

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")
pytest.importorskip("selenium", reason="selenium is not installed (the extra `test`)")

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if not shutil.which("chromedriver") or not shutil.which("chromium"):
    pytest.skip("Chromium and its driver are not installed", allow_module_level=True)

pytestmark = pytest.mark.process

SPEECH = (ROOT / "sweeps" / "speech.yaml").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as found:
        yield found


@pytest.fixture(scope="module")
def speech(server: Served) -> dict[str, Any]:
    return server.done(SPEECH)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return sizer.run_sweep(parse_sweep(SPEECH), dry_run=True).frame()


def started(*arguments: str) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    # No name is resolved: whatever the page would fetch from elsewhere fails.
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", rules, *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 1300, "height": 950, "deviceScaleFactor": 1, "mobile": False}
    )
    return browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = started()
    yield found
    found.quit()


@pytest.fixture(autouse=True)
def nothing_is_said(browser: Any) -> Iterator[None]:
    browser.get("about:blank")
    browser.get_log("browser")
    yield
    if browser.current_url.startswith("http"):
        browser.execute_script("sessionStorage.clear()")
    # Chromium itself notes answers that are faults; anything else is a mistake of the page.
    wrong = [entry for entry in browser.get_log("browser") if "422" not in entry["message"]]
    assert wrong == []


def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            found = what()
        except StaleElementReferenceException:
            found = None
        if found or time.monotonic() > end:
            assert found
            return found
        time.sleep(0.05)


def text(browser: Any, selector: str) -> str:
    found: str = browser.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
    return found


def shot(browser: Any, tmp_path: Path, name: str) -> None:
    """Take a screenshot, which is kept where SIZER_SCREENSHOTS says; it is not of one colour."""
    content = browser.get_screenshot_as_png()
    assert len(content) > 10_000
    folder = Path(os.environ.get("SIZER_SCREENSHOTS") or tmp_path)
    (folder / f"{name}.png").write_bytes(content)


def rows_in_sight(browser: Any) -> list[list[str]]:
    found: list[list[str]] = browser.execute_script(
        "return [...document.querySelectorAll('.grid .line')].map(line => [...line.children].map(cell => cell.innerText))"
    )
    return found


def columns_in_sight(browser: Any) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('.grid .head button')].map(one => one.innerText)"
    )
    return found


def fresh(browser: Any, server: Served, path: str) -> None:
    browser.get(server.url + path)
    browser.execute_script("sessionStorage.clear()")
    browser.get(server.url + path)


def test_the_first_paint_is_quick(browser: Any, server: Served) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    paint = browser.execute_script(
        "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.timing.domInteractive - performance.timing.navigationStart"
    )
    assert paint < 5000  # far more than it takes; docs/service.md says how much that is


def test_a_sweep_is_written_with_completion_and_faults_at_their_lines(
    browser: Any, server: Served, tmp_path: Path
) -> None:
    fresh(browser, server, "/")
    kept = until(lambda: text(browser, "#kept"))
    field = browser.find_element(By.CSS_SELECTOR, "textarea")
    expected = sizer.run_sweep(parse_sweep(field.get_property("value")), dry_run=True).account
    assert expected is not None
    assert kept == f"{expected.kept:,}"
    field.send_keys(Keys.CONTROL, Keys.END)
    field.send_keys("output:", Keys.ENTER, "for")
    until(lambda: "formats" in text(browser, "#choices"))
    shot(browser, tmp_path, "completion")
    field.send_keys(Keys.ENTER)
    assert field.get_property("value").endswith("output:\n  formats: ")
    field.send_keys("[parque]")
    found = until(lambda: "parquet" in text(browser, "#faults") and text(browser, "#faults"))
    assert found.startswith("line 23, column 13")
    assert text(browser, ".gutter .bad") == "23"
    assert browser.find_element(By.ID, "run").get_property("disabled")
    shot(browser, tmp_path, "faults")
    field.send_keys(Keys.BACKSPACE, "t]")
    until(lambda: not text(browser, "#faults") and not browser.find_element(By.ID, "run").get_property("disabled"))
    # The words that a field takes.
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("model:", Keys.ENTER, "cell_type: ", Keys.CONTROL, " ")
    until(lambda: {"lstm", "gru"} <= set(text(browser, "#choices").split()))


def test_a_form_makes_a_sweep_that_is_run(browser: Any, server: Served, tmp_path: Path) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    browser.find_element(By.XPATH, "//button[text()='Form']").click()
    for name, value in (
        ("name", "from-form"),
        ("inputs", "40"),
        ("cells.to", "512"),
        ("layers.to", "3"),
        ("budget", "3M"),
    ):
        field = browser.find_element(By.NAME, name)
        field.clear()
        field.send_keys(value)
    made = browser.execute_script("return document.querySelector('textarea').value")
    expected = sizer.run_sweep(parse_sweep(made), dry_run=True)
    assert expected.account is not None
    until(lambda: text(browser, "#kept") == f"{expected.account.kept:,}" if expected.account else None)
    shot(browser, tmp_path, "form")
    browser.find_element(By.ID, "run").click()
    until(lambda: "/sweeps/" in browser.current_url)
    until(lambda: text(browser, "#shown").startswith(f"{expected.account.kept:,} " if expected.account else ""))
    browser.back()
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "textarea"))


def test_rows_are_sorted_filtered_and_plotted_by_the_server(
    browser: Any, server: Served, speech: dict[str, Any], table: pd.DataFrame, tmp_path: Path
) -> None:
    browser.get(f"{server.url}/sweeps/{speech['id']}")
    until(lambda: text(browser, "#shown").startswith("1,834 "))
    first = until(lambda: [row for row in rows_in_sight(browser) if "…" not in row])
    assert int(first[0][1].replace(",", "")) == table.weights.max()
    browser.execute_script("document.querySelectorAll('.grid .head button')[1].click()")  # weights
    until(lambda: rows_in_sight(browser)[:1] and rows_in_sight(browser)[0][1] == f"{table.weights.min():,}")
    browser.execute_script("document.querySelectorAll('.grid .head button')[1].click()")
    until(lambda: rows_in_sight(browser)[:1] and rows_in_sight(browser)[0][1] == f"{table.weights.max():,}")
    # What became of the grid, and the columns: those that vary, until others are chosen.
    assert "3,100 configurations in the grid, of which 1,266 were dropped" in text(browser, "#account summary")
    browser.find_element(By.CSS_SELECTOR, "#account summary").click()
    account = text(browser, "#account dl").split("\n")
    assert account[:2] == ["over the budget of weights", "988"]
    assert account[2:] == ["excluded: recurrent_projection + nonrecurrent_projection <= cells", "278", "kept", "1,834"]
    browser.find_element(By.CSS_SELECTOR, "#account summary").click()
    heads = ["id", "weights ↓", "layers", "cells", "recurrent_projection", "nonrecurrent_projection"]
    assert columns_in_sight(browser) == heads
    browser.find_element(By.CSS_SELECTOR, "#columns summary").click()
    browser.find_element(By.NAME, "column.cell_type").click()
    browser.find_element(By.NAME, "column.layers").click()
    assert columns_in_sight(browser) == ["id", "weights ↓", "cell_type", *heads[3:]]
    assert "lstm" in rows_in_sight(browser)[0]
    browser.find_element(By.NAME, "column.cell_type").click()
    browser.find_element(By.NAME, "column.layers").click()
    browser.find_element(By.CSS_SELECTOR, "#columns summary").click()
    assert [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#plot .title")] == [
        "cells",
        "weights, the most at each place",
    ]
    cut = browser.execute_script(
        "return [...document.querySelectorAll('.grid .line span')].filter(cell => cell.scrollWidth > cell.clientWidth + 1).length"
    )
    assert cut == 0
    shot(browser, tmp_path, "rows")
    slider = browser.find_element(By.ID, "slider")
    slider.send_keys(*[Keys.ARROW_LEFT] * 40)
    budget = until(lambda: browser.find_element(By.ID, "budget").get_property("value"))
    until(lambda: f"budget={browser.find_element(By.ID, 'budget').get_property('value')}" in browser.current_url)
    budget = int(browser.find_element(By.ID, "budget").get_property("value"))
    fits = table[table.weights <= budget]
    until(lambda: text(browser, "#shown").startswith(f"{len(fits):,} "))
    until(lambda: rows_in_sight(browser)[0][1] == f"{fits.weights.max():,}")
    until(lambda: f"budget {budget:,}" in text(browser, "#plot svg") or f"budget {budget:,}" in browser.page_source)
    shot(browser, tmp_path, "budget")
    field = browser.find_element(By.ID, "where")
    field.send_keys("layers == 2")
    until(lambda: text(browser, "#shown").startswith(f"{(fits.layers == 2).sum():,} "))
    field.send_keys(" and laers == 2")
    until(lambda: "did you mean 'layers'" in browser.page_source)
    shot(browser, tmp_path, "condition")
    # Who is given the address sees the same.
    browser.get(
        f"{server.url}/sweeps/{speech['id']}?{urllib.parse.urlencode({'budget': '5M', 'where': 'layers > 1', 'sort': '-weights'})}"
    )
    chosen = table[(table.weights <= 5_000_000) & (table.layers > 1)]
    until(lambda: text(browser, "#shown").startswith(f"{len(chosen):,} "))
    until(lambda: rows_in_sight(browser)[0][1] == f"{chosen.weights.max():,}")


def test_the_rows_follow_the_keyboard_to_the_last(
    browser: Any, server: Served, speech: dict[str, Any], table: pd.DataFrame
) -> None:
    browser.get(f"{server.url}/sweeps/{speech['id']}?sort=id")
    until(lambda: text(browser, "#shown").startswith("1,834 "))
    grid = browser.find_element(By.CSS_SELECTOR, ".grid")
    grid.send_keys(Keys.END)
    last = until(lambda: [row for row in rows_in_sight(browser) if row[0] == f"{table.id.iloc[-1]:,}"])
    assert last[0][1] == f"{table.weights.iloc[-1]:,}"
    # What is in sight stands where it is seen, and not behind anything.
    seen = browser.execute_script(
        "const box = document.querySelector('.grid .line.active').getBoundingClientRect();"
        "return document.elementFromPoint(box.left + 20, box.top + 10).closest('.line')?.className"
    )
    assert seen == "line active"
    grid.send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    until(lambda: f"{table.weights.iloc[-3]:,} weights" in text(browser, "#breakdown"))


def test_a_model_is_written_counted_and_opened_block_by_block(browser: Any, server: Served, tmp_path: Path) -> None:
    fresh(browser, server, "/model")
    until(lambda: "8,877,556 weights" in text(browser, "#counted"))
    field = browser.find_element(By.CSS_SELECTOR, "textarea")
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
        field,
        (ROOT / "docs" / "rnnt" / "3-rnnt.yaml").read_text(),
    )
    until(lambda: "120,443,520 weights" in text(browser, "#counted"))
    assert "20,234,240 per frames" in text(browser, "#counted")
    assert text(browser, "details[name=encoder] summary").split() == ["encoder", "recurrent", "97,058,816", "80.6%"]
    browser.find_element(By.CSS_SELECTOR, "details[name=joint] summary").click()
    opened = until(lambda: text(browser, "details[name=joint] table"))
    assert "1 × 1,280 × 640" in opened
    assert "joint.width" in text(browser, "details[name=joint] .formula")
    shot(browser, tmp_path, "model")
    field.send_keys(Keys.END)
    browser.execute_script(
        "arguments[0].value = arguments[0].value.replace('width: 640', 'widht: 640'); arguments[0].dispatchEvent(new Event('input'))",
        field,
    )
    until(lambda: "did you mean 'width'?" in text(browser, "#faults"))
    assert "line 18" in text(browser, "#faults")
    assert "Nothing is counted while there are faults." in text(browser, "#counted")


def test_a_breakdown_with_formula_and_code(browser: Any, server: Served, tmp_path: Path) -> None:
    job = server.done(SMALL)
    browser.get(f"{server.url}/sweeps/{job['id']}?row=40")
    until(lambda: "Formula" in text(browser, "#breakdown"))
    configuration = server.ask(f"/v1/sweeps/{job['id']}/configurations/40")[1]
    assert configuration["formula"] in text(browser, "#breakdown")
    assert f"{configuration['weights']:,} weights" in text(browser, "#breakdown")
    shot(browser, tmp_path, "breakdown")
    for name, words in (("PyTorch", "from torch import nn"), ("Keras", "keras")):
        browser.find_element(By.XPATH, f"//button[text()='{name}']").click()
        until(lambda: words in text(browser, "#breakdown [role=tabpanel]:not([hidden])"))  # noqa: B023
        shot(browser, tmp_path, f"code-{name}")


def test_compare_with_a_claim(browser: Any, server: Served, tmp_path: Path) -> None:
    browser.get(f"{server.url}/compare")
    until(lambda: "18,385,705" in text(browser, "main"))
    browser.find_element(By.NAME, "claim").send_keys("21.3M")
    until(lambda: "21,252,205" in text(browser, "main") and "graves2013" in text(browser, "main"))
    assert text(browser, "#plain") == "18,357,500 plainly (textbook): 13.6 % short of 21.3M."
    shot(browser, tmp_path, "claim")
    assert "claim=21.3M" in browser.current_url
    browser.find_element(By.NAME, "cells").send_keys("x")
    until(lambda: "cells: '700x'" in text(browser, "main"))


def test_downloads(browser: Any, server: Served, speech: dict[str, Any], table: pd.DataFrame, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.get(f"{server.url}/sweeps/{speech['id']}?budget=5M&sort=-weights")
    until(lambda: text(browser, "#shown"))
    for form in ("CSV", "PARQUET", "XLSX"):
        until(lambda: browser.find_elements(By.LINK_TEXT, form))[0].click()  # noqa: B023
        until((tmp_path / f"speech.{form.lower()}").exists)
    found = pd.read_csv(tmp_path / "speech.csv")
    assert found.weights.tolist() == sorted(table.weights[table.weights <= 5_000_000], reverse=True)


def test_progress_and_cancelling(browser: Any, server: Served, tmp_path: Path) -> None:
    long = (
        LARGE.replace("name: large", "name: long")
        .replace(", outputs: 0}", "}")
        .replace("grid:\n", "grid:\n  outputs: [1, 2, 3, 4, 5, 6]\n")
    )
    job = server.sweep(long)
    browser.get(f"{server.url}/sweeps/{job['id']}")
    until(
        lambda: (
            "configurations decided" in text(browser, "main")
            and browser.find_elements(By.CSS_SELECTOR, ".status.running")
        )
    )
    until(lambda: browser.execute_script("return document.querySelector('progress')?.value > 0"))
    shot(browser, tmp_path, "progress")
    until(lambda: browser.find_elements(By.XPATH, "//button[text()='Cancel']"))[0].click()
    until(lambda: browser.find_elements(By.CSS_SELECTOR, ".status.cancelled"))
    browser.get(f"{server.url}/sweeps")
    until(lambda: "long" in text(browser, "main"))
    shot(browser, tmp_path, "sweeps")


HUGE = """
sizer: 1
name: huge
model: {convention: pytorch, cell_type: lstm, inputs: 80, layers: 1, other_weights: 333}
grid:
  cells: {from: 1, to: 1000000001, step: 1}
  outputs: {from: 1, to: 10000000, step: 1}
where: [cells >= 1000000000, outputs >= 9999996]
"""


def exact(value: int) -> str:
    """Return a number as the page shows it, which is not one that JavaScript's own numbers would give."""
    assert value > 2**53
    assert int(float(value)) != value
    return f"{value:,}"


@pytest.fixture(scope="module")
def large_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("large"), "--max-configurations", str(10**18)) as found:
        yield found


def test_numbers_past_2_to_the_53_are_shown_to_the_last_digit(
    browser: Any, large_server: Served, tmp_path: Path
) -> None:
    server = large_server
    job = server.done(HUGE)
    page = server.ask(f"/v1/sweeps/{job['id']}/rows")[1]
    first, last = page["rows"][0], page["rows"][-1]
    browser.get(f"{server.url}/sweeps/{job['id']}?sort=id")
    until(lambda: rows_in_sight(browser)[:1] and "…" not in rows_in_sight(browser)[0])
    assert rows_in_sight(browser)[0][:2] == [exact(first["id"]), exact(first["weights"])]
    until(lambda: exact(last["weights"]) in text(browser, "#plot svg") or exact(last["weights"]) in browser.page_source)
    until(lambda: f"of {job['summary']['kept']:,} configurations" in text(browser, "main"))
    assert server.ask(f"/v1/sweeps/{job['id']}")[1]["configurations"] > 2**53
    browser.execute_script("document.querySelector('.grid .line').click()")
    until(lambda: f"{exact(first['weights'])} weights" in text(browser, "#breakdown"))
    assert f"row={first['id']}" in browser.current_url
    found = server.ask(f"/v1/sweeps/{job['id']}/configurations/{first['id']}")[1]
    shown = text(browser, "#breakdown")
    for section in found["sections"]:
        for tensor in section["tensors"]:
            assert f"{tensor['weights']:,}" in shown
            assert f"{tensor['weights'] * section['times']:,}" in shown
    assert f"{found['macs_per_step']:,} multiply-accumulates" in shown
    shot(browser, tmp_path, "huge")
    browser.find_element(By.XPATH, "//button[text()='PyTorch']").click()
    until(lambda: "from torch import nn" in text(browser, "#breakdown [role=tabpanel]:not([hidden])"))
    browser.find_element(By.LINK_TEXT, "Under every convention").click()
    until(lambda: exact(found["weights"]) in text(browser, "main"))
    network = {"cell_type": "rnn", "inputs": 9007199254740993, "layers": 1, "cells": 17}
    readings = server.ask("/v1/compare", {"network": network})[1]["readings"]
    browser.get(f"{server.url}/compare?{urllib.parse.urlencode(network)}")
    until(lambda: exact(readings[0]["weights"]) in text(browser, "main"))
    assert "inputs=9007199254740993" in browser.current_url
    browser.get(server.url)
    until(lambda: text(browser, "#kept"))
    write(browser, HUGE)
    until(lambda: f"of {server.ask('/v1/dry-run', HUGE.encode())[1]['configurations']:,} " in text(browser, "main"))
    until(lambda: exact(last["weights"]) in text(browser, "main"))


def write(browser: Any, words: str) -> Any:
    """Put a text in place of the one that is there, as one who pastes it."""
    field = browser.find_element(By.CSS_SELECTOR, "textarea")
    field.send_keys(Keys.CONTROL, "a")
    browser.execute_script("document.execCommand('insertText', false, arguments[0])", words)
    assert field.get_property("value") == words
    return field


def call_of(browser: Any, module: str, name: str, *given: Any) -> Any:
    """Return what a function of the page's modules answers, as text."""
    return browser.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "import(arguments[0]).then((module) => done(module[arguments[1]](...arguments[2])), (problem) => done(String(problem)))",
        f"/page/{module}.js",
        name,
        given,
    )


def test_sizes_are_read_as_the_server_reads_them(browser: Any, server: Served) -> None:
    from sizer.sizes import parse_size

    fresh(browser, server, "/")
    words = (
        "10M 10.5K 1e6 2B 1.5G 2T .5M 0.0005k 1.25 1e+3 7 0 5m 10 M 1,000 2MB 1.5 e6 x -5 1.e5 00012 1e400k 12345.678e3"
    )
    for word in [*words.split(), "", "9.223372036854775807e18", "1e999"]:
        try:
            expected = str(parse_size(word))
        except ValueError:
            expected = "null"
        found = browser.execute_async_script(
            "const done = arguments[1]; import('/page/exact.js').then(({size}) => done(String(size(arguments[0]))))",
            word,
        )
        assert found == expected, word


def test_a_shared_budget_moves_the_slider_and_the_plot(
    browser: Any, server: Served, speech: dict[str, Any], table: pd.DataFrame, tmp_path: Path
) -> None:
    for budget, most in (("5M", 5_000_000), ("weights=2.5M", 2_500_000), ("1e6", 1_000_000)):
        browser.get(f"{server.url}/sweeps/{speech['id']}?budget={budget}")
        until(lambda: text(browser, "#shown").startswith(f"{(table.weights <= most).sum():,} "))  # noqa: B023
        until(lambda: f"budget {most:,}" in browser.page_source)  # noqa: B023
        step = int(browser.find_element(By.ID, "slider").get_property("value"))
        least, largest = table.weights.min(), table.weights.max()
        assert abs(least * (largest / least) ** (step / 1000) / most - 1) < 0.01
    shot(browser, tmp_path, "shared")
    field = browser.find_element(By.ID, "budget")
    field.clear()
    field.send_keys("4M")
    until(lambda: "budget 4,000,000" in browser.page_source)
    assert int(browser.find_element(By.ID, "slider").get_property("value")) > step
    for budget, most in (
        ("int8_bytes=2MB", 2_000_000),
        ("float32-bytes = 20MiB", 5 * 2**20),
        ("5M, float16_bytes=4MB", 2_000_000),
    ):
        asked = urllib.parse.urlencode({"budget": budget})
        browser.get(f"{server.url}/sweeps/{speech['id']}?{asked}")
        until(lambda: text(browser, "#shown").startswith(f"{(table.weights <= most).sum():,} "))  # noqa: B023
        until(lambda: f"budget {most:,}" in browser.page_source)  # noqa: B023


def test_undo_takes_back_what_enter_and_completion_wrote(browser: Any, server: Served) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    field = browser.find_element(By.CSS_SELECTOR, "textarea")
    start = field.get_property("value")
    field.send_keys(Keys.CONTROL, Keys.END)
    field.send_keys("output:", Keys.ENTER, "for")
    until(lambda: "formats" in text(browser, "#choices"))
    field.send_keys(Keys.ENTER)
    field.send_keys("[csv]", Keys.ENTER, "# end")
    end = field.get_property("value")
    assert end == f"{start}output:\n  formats: [csv]\n  # end"
    seen = [end]
    while seen[-1] != start and len(seen) < 60:
        field.send_keys(Keys.CONTROL, "z")
        seen.append(field.get_property("value"))
        assert seen[-1] != seen[-2], "undo sticks"
        # Each step is a text that was there, or a part of what was typed at its end.
        assert seen[-1].startswith(start)
    assert seen[-1] == start
    assert f"{start}output:" in seen
    for _ in seen[1:]:
        field.send_keys(Keys.CONTROL, Keys.SHIFT, "z")
    assert field.get_property("value") == end
    until(lambda: not text(browser, "#faults"))


WRITTEN = """\
sizer: 1  # the format
name: mine
description: "what I want: all of it"

model:
  convention: keras   # ours
  cell_type: gru
  inputs: 39
grid:
  layers: [1, 2, 3]
  cells: {of: recurrent_projection, ratio: [1/2]}  # a ratio
  outputs: [10, 20]
  bidirectional: [false, true]
where:
  - layers > 1
budget: {weights: {max: 5M}}
"""


def value_of(browser: Any, name: str) -> str:
    return str(browser.find_element(By.NAME, name).get_property("value"))


def tab(browser: Any, name: str) -> None:
    browser.find_element(By.XPATH, f"//button[text()='{name}']").click()


def fill(browser: Any, name: str, value: str) -> None:
    field = browser.find_element(By.NAME, name)
    field.clear()
    field.send_keys(value)


def test_the_form_reads_a_text_and_changes_its_places_only(browser: Any, server: Served, tmp_path: Path) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    start = browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value")
    field = write(browser, WRITTEN)
    tab(browser, "Form")
    assert field.get_property("value") == WRITTEN
    names = ["name", "convention", "cell_type", "inputs", "budget", "layers.from", "layers.to", "layers.step"]
    assert [value_of(browser, name) for name in names] == ["mine", "keras", "gru", "39", "5M", "1", "3", "1"]
    assert browser.find_element(By.NAME, "both").is_selected()
    assert not browser.find_element(By.NAME, "cells.to").is_enabled()
    assert not browser.find_element(By.NAME, "outputs").is_enabled()
    assert "Cells: is written in a way" in text(browser, "#form-notes")
    assert "Outputs: varies, in the grid of the text" in text(browser, "#form-notes")
    shot(browser, tmp_path, "form-read")
    fill(browser, "inputs", "40")
    fill(browser, "layers.to", "5")
    fill(browser, "name", "a: b #")
    browser.find_element(By.NAME, "both").click()
    fill(browser, "recurrent_projection.from", "8")
    expected = (
        WRITTEN.replace("inputs: 39", "inputs: 40").replace("[1, 2, 3]", "{from: 1, to: 5, step: 1}")
        .replace("name: mine", 'name: "a: b #"')
        .replace("  bidirectional: [false, true]\n", "  recurrent_projection: [8]\n")
    )  # fmt: skip
    assert sorted(field.get_property("value").split("\n")) == sorted(expected.split("\n"))
    until(lambda: "name" in text(browser, "#faults"))
    # Undo brings back what was there before the form.
    now = field.get_property("value")
    tab(browser, "Text")
    assert field.get_property("value") == now
    seen = []
    for keys in ([Keys.CONTROL, "z"], [Keys.CONTROL, "z"], [Keys.CONTROL, "y"], [Keys.CONTROL, Keys.SHIFT, "z"]):
        field.send_keys(*keys)
        seen.append(field.get_property("value"))
    assert seen == [WRITTEN, start, WRITTEN, now]
    assert browser.execute_script("return sessionStorage.getItem('sizer-sweep')") == now


UNREAD = [
    "sizer: 1\nname: x\nmodel: &m {convention: keras}\ngrid:\n- layers: [1]\n- layers: [2]\n# mine\n",
    "sizer: 1\nname: x\nname: y\n",
    "- a\n- b\n",
    "just words",
    "sizer: 1\n\tname: x\n",
    "--- \nsizer: 1\n",
    "sizer: 1\nname: x\nmodel:\n  inputs: 'a\n    b'\ngrid: |\n  text: here\n",
]


def test_the_form_leaves_a_text_that_it_cannot_read(browser: Any, server: Served) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    for words in UNREAD:
        field = write(browser, words)
        tab(browser, "Form")
        said = text(browser, "#form-notes")
        assert said
        for one in browser.find_elements(By.CSS_SELECTOR, "form.fields input:enabled:not([type=checkbox])"):
            one.send_keys("7")
        kept = field.get_property("value")
        assert kept == words if "cannot read" in said else kept != words
        # Every line of the text is still there, whole or with what was typed at its end.
        assert all(any(found.startswith(line) for found in kept.split("\n")) for line in words.split("\n"))
        tab(browser, "Text")
        assert field.get_property("value") == kept


def test_on_a_phone_and_in_the_dark(browser: Any, server: Served, speech: dict[str, Any], tmp_path: Path) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    try:
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        for path, ready in (
            ("/", "#kept"),
            (f"/sweeps/{speech['id']}?row=2909", "#breakdown .formula"),
            ("/compare", "td"),
            ("/compare?cell_type=lstm&inputs=205&layers=5&cells=700&outputs=205&claim=21.3M", "#plain"),
            ("/look", "h1"),
            ("/sweeps", "td"),
        ):
            browser.get(server.url + path)
            until(lambda: text(browser, ready))  # noqa: B023
            width, colour = browser.execute_script(
                "return [document.documentElement.scrollWidth, getComputedStyle(document.body.parentElement).backgroundColor]"
            )
            assert width <= 390
            assert colour == "rgb(21, 24, 28)"
            shot(browser, tmp_path, f"phone-{len(path)}")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1300, "height": 950, "deviceScaleFactor": 1, "mobile": False},
        )


def test_a_name_that_looks_like_markup_stays_a_text(browser: Any, server: Served) -> None:
    browser.get(
        f"{server.url}/compare?{urllib.parse.urlencode({'cell_type': '<img src=x onerror=alert(1)>', 'cells': '1', 'layers': '1'})}"
    )
    until(lambda: "<img src=x" in text(browser, "main"))
    assert not browser.find_elements(By.CSS_SELECTOR, "main img")


def test_what_a_sweep_says_is_no_markup_and_no_header(browser: Any, server: Served) -> None:
    markup = "</script><script>document.title = 'broken'</script><img src=x onerror=alert(1)>"
    job = server.done(SMALL.replace("name: small", f"name: marked\ndescription: {json.dumps(markup)}  # {markup}"))
    rows = f"/v1/sweeps/{job['id']}"
    browser.get(f"{server.url}/sweeps/{job['id']}?{urllib.parse.urlencode({'where': markup})}")
    until(lambda: "<script>" in text(browser, "main"))
    browser.get(f"{server.url}/sweeps/{job['id']}?row=40")
    until(lambda: "Formula" in text(browser, "#breakdown"))
    until(lambda: browser.find_elements(By.XPATH, "//button[text()='Edit as a new sweep']"))[0].click()
    until(lambda: text(browser, "#kept"))
    assert markup in browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value")
    tab(browser, "Form")
    assert value_of(browser, "name") == "marked"
    assert not browser.find_elements(By.CSS_SELECTOR, "main img, main script")
    assert browser.title == "Sizer"
    for path in (f"{rows}/rows?limit=1", f"{rows}/plot", rows, f"{rows}/rows?where={urllib.parse.quote(markup)}"):
        _, _, headers = server.ask(path)
        assert headers["content-type"] == "application/json"
        assert headers["x-content-type-options"] == "nosniff"
    for form in ("csv", "parquet", "xlsx"):
        _, _, headers = server.ask(f"{rows}/rows.{form}")
        assert headers["content-disposition"] == f'attachment; filename="marked.{form}"'
    for name in (markup, 'a"; x="b', "a\r\nx: y", "../a", "=1+1", "ä"):
        status, said, headers = server.ask(
            "/v1/sweeps", SMALL.replace("name: small", f"name: {json.dumps(name)}").encode()
        )
        assert (status, said["faults"][0]["path"], "content-disposition" in headers) == (422, "name", False)


def test_a_token_is_asked_for_once(browser: Any, tmp_path: Path) -> None:
    with served(tmp_path / "data", "--token", "0123456789abcdef") as found:
        browser.get(found.url)
        browser.execute_script("sessionStorage.clear()")
        browser.get(found.url)
        field = until(lambda: browser.find_elements(By.NAME, "token"))[0]
        field.send_keys("0123456789abcdef", Keys.ENTER)
        until(lambda: text(browser, "#kept"))
        shot(browser, tmp_path, "token")
        browser.get(f"{found.url}/sweeps")
        until(lambda: "None yet" in text(browser, "main"))
        # Chromium notes the calls that had no token.
        noted = [entry for entry in browser.get_log("browser") if "401" not in entry["message"]]
        assert json.loads(json.dumps(noted)) == []


SHIPPED = {
    "rnnt": ("120,443,520", ["encoder.cells 2,048", "joint.width 640"]),
    "las": ("", ["encoder.layers 6"]),
    "kaldi_tdnn_lstm": ("", ["lstm1.cells 1,024"]),
    "keywords": ("80,000", ["conv.stride.2 2", "gru.cells 56"]),
    "awd_lstm": ("24,348,816", ["lstm.cells.1 1,280"]),
    "conformer_transducer": ("", ["encoder.layers 14"]),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models_are_opened_run_and_looked_into_block_by_block(
    browser: Any, server: Served, tmp_path: Path, name: str
) -> None:
    largest, values = SHIPPED[name]
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    until(lambda: name in text(browser, "#examples"))
    before = browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value")
    choose = "const one = document.querySelector('#examples'); one.value = arguments[0]; one.dispatchEvent(new Event('change'))"
    browser.execute_script(choose, name)
    until(lambda: f"name: {name}" in browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value"))
    table = sizer.run_sweep(sizer.load_sweep(ROOT / "sweeps" / f"{name}.yaml"), dry_run=True).frame()
    until(lambda: text(browser, "#kept") == f"{len(table):,}")
    browser.find_element(By.CSS_SELECTOR, "textarea").send_keys(Keys.CONTROL, "z")
    assert browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value") == before
    browser.find_element(By.CSS_SELECTOR, "textarea").send_keys(Keys.CONTROL, "y")
    until(lambda: text(browser, "#kept") == f"{len(table):,}" and browser.find_element(By.ID, "run").is_enabled())
    browser.find_element(By.ID, "run").click()
    until(lambda: text(browser, "#shown").startswith(f"{len(table):,} "))
    most = f"{table.weights.max():,}"
    assert most == (largest or most)
    until(lambda: rows_in_sight(browser)[0][1] == most)
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "#plot circle"))
    browser.execute_script("document.querySelector('.grid .line').click()")
    until(lambda: f"{most} weights" in text(browser, "#breakdown"))
    until(lambda: all(value in text(browser, "#breakdown .values") for value in values))
    shares = [
        one.text.split("\n")[2].replace(",", "") for one in browser.find_elements(By.CSS_SELECTOR, "#breakdown summary")
    ]
    assert sum(map(int, shares)) == table.weights.max()
    shot(browser, tmp_path, f"shipped-{name}")
    # A condition to start from is on a column of this table.
    column = browser.find_element(By.ID, "where").get_property("placeholder").split(" ")[0]
    assert column in table.columns
    middle = int(table.weights.median())
    field = browser.find_element(By.ID, "budget")
    field.send_keys(str(middle))
    until(lambda: text(browser, "#shown").startswith(f"{(table.weights <= middle).sum():,} "))
    until(lambda: f"budget {middle:,}" in browser.page_source)


BLOCKS = """sizer: 1
name: mine
model:
  blocks:
    features: {type: input, inputs: 80}
    encoder:
      type: recurrent
      cells: 100
    output: {type: dense, width: 500}
grid:
  encoder.cells: [1, 2]
"""


@pytest.mark.parametrize(
    ("typed", "offered", "missing"),
    [
        ("  ", {"encoder.layers", "output.width", "linked", "features.inputs"}, {"cells"}),
        ("budget:\n  ", {"encoder.weights", "weights"}, set()),
        ("where:\n  - ", {"encoder.cells", "output.width"}, set()),
        ("  encoder.recurrent_projection: {of: ", {"encoder.cells"}, {"weights"}),
    ],
)
def test_completion_knows_the_paths_of_blocks(
    browser: Any, server: Served, typed: str, offered: set[str], missing: set[str]
) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    found = offered_at(browser, BLOCKS + typed)
    assert offered <= found
    assert not missing & found


@pytest.mark.parametrize(
    ("inside", "offered", "missing"),
    [
        ("    joint: {ty", {"type", "from"}, {"cells"}),
        ("    joint: {type: ", {"recurrent", "conformer", "group"}, {"cells"}),
        ("    joint: {type: dense, ", {"width", "context", "tied", "from"}, {"cells", "kernel"}),
        ("    joint: {type: dense, from: [", {"encoder", "output"}, {"joint"}),
        ("    joint:\n      type: attention\n      kind: ", {"additive", "location"}, {"lstm"}),
        ("    joint:\n      type: pooling\n      ", {"kernel", "over"}, {"cells"}),
        ("    joint: {type: dense,\n            ", {"width", "context", "from"}, {"cells", "kernel"}),
        ("    joint: {\n      type: ", {"recurrent", "conformer", "group"}, {"cells"}),
        (
            "    joint: {\n      type: dense,   # said of {it\n      width: 5,\n      from: [",
            {"encoder", "output"},
            {"joint"},
        ),
        ("    joint: {\n      type: attention, kind: dot,\n\n      ", {"query", "memory", "heads"}, {"cells"}),
        (
            "    joint: {type: dense,\n            width: 4}\n    after: {type: dense, from: [",
            {"joint", "encoder"},
            {"after"},
        ),
        ("    joint: {type: dense,\n    after: {ty", {"type", "from"}, {"width"}),
    ],
)
def test_completion_knows_blocks_and_their_types(
    browser: Any, server: Served, inside: str, offered: set[str], missing: set[str]
) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    found = offered_at(browser, BLOCKS.partition("grid:")[0] + inside)
    assert offered <= found
    assert not missing & found


def offered_at(browser: Any, words: str) -> set[str]:
    """Return what is offered at the end of a text."""
    found = browser.execute_async_script(
        """const [words, done] = arguments;
        Promise.all([import('/page/editor.js'), fetch('/v1/schema').then((one) => one.json()), fetch('/v1/block-types').then((one) => one.json())]).then(
          ([module, schema, { block_types }]) => {
            const types = new Map(block_types.map((one) => [one.block_type, one.fields]));
            done(module.completions(schema, words, words.length, types).candidates.map((one) => one.text));
          }, (problem) => done([String(problem)]))""",
        words,
    )
    return set(found)


def test_a_space_shows_its_sizes_and_draws_networks(browser: Any, server: Served, tmp_path: Path) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    write(browser, (ROOT / "sweeps" / "widths.yaml").read_text())
    until(lambda: text(browser, "#kept") == "231,943")
    until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#histogram rect")) == 40)
    bars = browser.execute_script(
        "return [...document.querySelectorAll('#histogram rect title')].map(one => one.textContent)"
    )
    assert sum(int(bar.split(": ")[1].split()[0].replace(",", "")) for bar in bars) == 231_943
    browser.find_element(By.ID, "draw").click()
    until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#drawn tbody tr")) == 10)
    drawn = server.ask("/v1/space/sample?n=10&seed=0", (ROOT / "sweeps" / "widths.yaml").read_bytes())[1]["networks"]
    first = browser.find_element(By.CSS_SELECTOR, "#drawn tbody tr").text
    assert first.startswith(f"{drawn[0]['weights']:,} ")
    # Widths of many layers take lines of their own before they are cut.
    hidden = "return [...document.querySelectorAll('#drawn .scroll')].map((one) => one.scrollWidth - one.clientWidth)"
    assert browser.execute_script(hidden) == [0]
    shot(browser, tmp_path, "space")
    browser.find_element(By.ID, "draw").click()
    until(lambda: browser.find_element(By.CSS_SELECTOR, "#drawn tbody tr").text != first)
    # A space of billions is run where few of them fit.
    browser.find_element(By.ID, "run").click()
    until(lambda: text(browser, "#shown").startswith("231,943 "), 60)
    until(lambda: rows_in_sight(browser)[0][1] == "9,999,360")


DROP = """
const [name, content] = arguments;
const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
const held = new DataTransfer();
held.items.add(new File([bytes], name));
document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: held, bubbles: true, cancelable: true}));
"""


def drop(browser: Any, name: str, content: bytes) -> None:
    browser.execute_script(DROP, name, base64.b64encode(content).decode())


def test_a_dropped_file_is_opened_or_looked_into(browser: Any, server: Served, tmp_path: Path) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    drop(browser, "mine.yaml", SMALL.encode())
    until(lambda: browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value") == SMALL)
    drop(browser, "rnnt.yaml", (ROOT / "docs" / "rnnt" / "3-rnnt.yaml").read_bytes())
    until(lambda: browser.current_url.endswith("/model") and "120,443,520 weights" in text(browser, "#counted"))
    content = safetensors()
    drop(browser, "model.safetensors", content)
    until(lambda: "5,376 weights" in text(browser, "#looked"))
    assert browser.current_url.endswith("/look")
    assert "pytorch · 1 lstm layer, 8 -> 16" not in text(browser, "#looked .panel")
    assert "lstm layer, 8 -> 32" in text(browser, "#looked")
    assert "All 5,376 weights are explained." in text(browser, "#looked")
    # The header alone has left the browser.
    sent = int.from_bytes(content[:8], "little") + 8
    assert browser.execute_script(
        "return performance.getEntriesByType('resource').filter(one => one.name.includes('/v1/look')).map(one => one.name)"
    )[-1].endswith(f"size={len(content)}&head={sent}")
    shot(browser, tmp_path, "look")
    browser.find_element(By.ID, "sweep-around").click()
    until(lambda: text(browser, "#kept") not in ("", "0"))
    assert "cells: [" in browser.find_element(By.CSS_SELECTOR, "textarea").get_property("value")
    drop(browser, "weights.npz", b"PK\x03\x04 damaged")
    until(lambda: browser.find_elements(By.CSS_SELECTOR, "#looked .bad-text"))


def safetensors() -> bytes:
    """Return a file of an LSTM layer: 4 x 32 x (8 + 32) and two biases of 4 x 32, with PyTorch's names."""
    header: dict[str, Any] = {}
    place = 0
    for name, shape in (
        ("weight_ih_l0", (128, 8)),
        ("weight_hh_l0", (128, 32)),
        ("bias_ih_l0", (128,)),
        ("bias_hh_l0", (128,)),
    ):
        end = place + 4 * math.prod(shape)
        header[f"rnn.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [place, end]}
        place = end
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(place)


def test_five_thousand_lines_stay_fluid(browser: Any, server: Served) -> None:
    fresh(browser, server, "/")
    until(lambda: text(browser, "#kept"))
    long = BLOCKS + "# " + "\n# ".join(map(str, range(5000))) + "\nbudgt: 1\n"
    drop(browser, "long.yaml", long.encode())
    field = browser.find_element(By.CSS_SELECTOR, "textarea")
    until(lambda: field.get_property("value") == long)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".gutter span")) < 60
    lines = long.count("\n") + 1
    until(lambda: f"line {lines - 1}, " in text(browser, "#faults"))
    took = browser.execute_script(
        "const field = document.querySelector('textarea'); field.focus(); const began = performance.now();"
        "for (let at = 0; at < 3; at++) document.execCommand('insertText', false, 'x');"
        "return (performance.now() - began) / 3"
    )
    assert took < 100  # milliseconds a letter; some 10 where nothing else runs


def test_an_address_that_does_not_exist_gets_a_page(browser: Any, server: Served) -> None:
    browser.get(f"{server.url}/no/such")
    until(lambda: text(browser, "h1") == "There is nothing at this address")
    assert "/no/such" in text(browser, "main")
    assert [entry for entry in browser.get_log("browser") if "404" not in entry["message"]] == []
    for path, accept in (("/no/such", "*/*"), ("/v1/no-such", "text/html")):
        status, said, _ = server.ask(path, headers={"accept": accept})
        assert status == 404
        assert said["faults"][0]["message"] == "there is nothing at this address"
