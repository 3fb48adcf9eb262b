"""Progress: a rate and a time left that can be believed, as a bar or as lines of JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sizer.cli import progress
from sizer.cli.progress import Pace, in_words, shown_progress
from sizer.runs.walk import Progress
from tests.commands import run

SPEECH = Path(__file__).resolve().parent.parent / "sweeps" / "speech.yaml"


def test_the_rate_is_of_what_was_done_and_not_of_what_was_found() -> None:
    times = iter([100.0, 102.0, 110.0, 111.0])
    pace = Pace(10_000, clock=lambda: next(times))
    # A resumed run finds 6,000 decided.
    assert pace.at(Progress(6000, 10)) == {
        "configurations": 10_000,
        "decided": 6000,
        "kept": 10,
        "per_second": None,
        "seconds_left": None,
    }
    found = pace.at(Progress(7000, 12))
    assert (found["per_second"], found["seconds_left"]) == (500, 6.0)
    # Writing a format from the parts has a pace of its own, in rows.
    assert pace.at(Progress(10_000, 90, "csv", 0))["per_second"] is None
    found = pace.at(Progress(10_000, 90, "csv", 30))
    assert (found["per_second"], found["seconds_left"]) == (30, 2.0)
    assert (found["writing"], found["rows_written"]) == ("csv", 30)


def test_hours_are_said() -> None:
    found = {"configurations": 9, "decided": 3, "kept": 1, "per_second": 1, "seconds_left": 3725.0}
    assert in_words(found) == "3 of 9 decided · 1 kept · 1/s · 1:02:05 left"
    long = {**found, "configurations": 10**18, "decided": 167_145 * 10**12, "per_second": 5 * 10**12}
    assert in_words(long) == "1.671e17 of 1.000e18 decided · 1 kept · 5.000e12/s · 1:02:05 left"
    assert in_words({**found, "per_second": None, "seconds_left": None}) == "3 of 9 decided · 1 kept"


def test_lines_of_json_on_stderr_and_the_result_on_stdout(tmp_path: Path) -> None:
    done = run("run", SPEECH, "--out", tmp_path, "--json", "--progress", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines
    assert set(lines[-1]) == {"configurations", "decided", "kept", "per_second", "seconds_left"}
    assert (lines[-1]["configurations"], lines[-1]["decided"], lines[-1]["kept"]) == (3100, 3100, 1834)
    assert json.loads(done.stdout)["kept"] == 1834


def test_the_last_state_is_printed_though_a_second_has_not_passed(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(10, bar=False, lines=True) as on_progress:
        assert on_progress is not None
        for decided in (1, 5, 10):
            on_progress(Progress(decided, decided))
    lines = [json.loads(line)["decided"] for line in capsys.readouterr().err.splitlines()]
    assert lines == [1, 10]


def test_a_bar_shows_what_the_lines_say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", -1.0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown_progress(4000, bar=True, lines=False) as on_progress:
        assert on_progress is not None
        on_progress(Progress(1000, 7))
        on_progress(Progress(4000, 9, "csv", 8))
    said = capsys.readouterr().err
    assert "writing csv: 8 of 9 rows" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said)


def test_no_progress_where_none_is_wanted() -> None:
    with shown_progress(1, bar=False, lines=False) as on_progress:
        assert on_progress is None
