"""What users and other programs rely on is as it was recorded; `python -m tests.surface --write` records it anew."""

from __future__ import annotations

import copy
import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests import surface
from tests.surface import content, keys_of, lost

WAS: dict[str, Any] = json.loads(surface.RECORDED.read_text())


def test_the_library_has_its_names_and_signatures() -> None:
    assert lost(WAS["library"], surface.library()) == []


def test_the_commands_have_their_options() -> None:
    assert lost(WAS["commands"], surface.commands()) == []


def test_commands_end_as_they_did() -> None:
    assert lost(WAS["exit codes"], surface.exit_codes()) == []
    assert set(WAS["exit codes"].values()) == {0, 1, 2, 3}


def test_json_has_its_keys(tmp_path: Path) -> None:
    assert lost(WAS["json keys"], surface.json_keys(tmp_path)) == []


def test_every_command_that_prints_json_is_asked_for_it() -> None:
    with_json = {name for name, options in surface.commands().items() if "--json" in options}
    # What `verify` prints is in tests/test_frameworks_commands.py: it needs a framework.
    assert with_json - {name.partition(",")[0] for name in WAS["json keys"]} == {"verify"}


def test_tables_have_their_columns_files_and_bytes(tmp_path: Path) -> None:
    assert lost(WAS["tables"], surface.tables(tmp_path)) == []
    assert {path.stem for path in surface.SWEEPS} < set(WAS["tables"])


def test_the_service_has_its_addresses(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
    pytest.importorskip("starlette.testclient", reason="httpx2 is not installed (the extra `test`)")
    assert lost(WAS["addresses"], surface.addresses(tmp_path)) == []


def test_every_address_answers(tmp_path: Path) -> None:
    """Whatever it is asked; what each says is in tests/test_service.py."""
    from tests.asked import asked

    filled = {"{sweep_id}": "none", "{configuration_id}": "0", "{form}": "csv", "{name}": "page.css"}
    seen: Counter[int] = Counter()
    with asked(tmp_path) as service:
        for path, methods in {**WAS["addresses"]["described"], **WAS["addresses"]["of the page"]}.items():
            for place, value in filled.items():
                path = path.replace(place, value)
            for method in methods:
                status = service.ask(path, b"{}" if method == "POST" else None, method)[0]
                seen[status] += 1
                expected = 422 if method == "POST" else 404 if "/none" in path and "/v1/" in path else 200
                assert status == expected, (method, path)
    assert min(seen[status] for status in (200, 404, 422)) >= 6, seen


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("library", "count"), "library > count: is gone"),
        (("commands", "run", "--budget"), "commands > run > --budget: is gone"),
        (("commands", "run", "--csv-dialect", "choices", "tsv"), "commands > run > --csv-dialect > choices > tsv: is"),
        (("json keys", "explain", "weights"), "json keys > explain > weights: is gone"),
        (("tables", "speech", "manifest", "kept"), "tables > speech > manifest > kept: is gone"),
        (("addresses", "described", "/v1/count", "POST"), "addresses > described > /v1/count > POST: is gone"),
    ],
)
def test_what_is_gone_is_said(place: tuple[str, ...], said: str) -> None:
    now = copy.deepcopy(WAS)
    *above, last = place
    held = functools.reduce(lambda part, key: part[key], above, now)
    held["more than there was"] = held.pop(last)
    (found,) = lost(WAS, now)
    assert found.startswith(said)


def test_another_byte_is_said_and_another_arrow_is_held_to_the_content(tmp_path: Path) -> None:
    recorded = {"sha256": "a", "pyarrow": "1", "content": "c"}
    assert lost(recorded, {**recorded, "sha256": "b"}, "t.parquet") == ["t.parquet > sha256: was 'a', is 'b'"]
    assert lost(recorded, {"sha256": "b", "pyarrow": "2", "content": "c"}) == []
    assert lost(recorded, {"sha256": "b", "pyarrow": "2", "content": "d"}) == ["content: was 'c', is 'd'"]
    table = pa.table({"id": pa.array([0, 1]), "weights": pa.array([5, 6])})
    digests = set()
    for place, one in enumerate([table, table.replace_schema_metadata({"sizer": "{}"}), table.slice(1)]):
        pa.parquet.write_table(one, tmp_path / f"{place}.parquet")
        digests.add(content(tmp_path / f"{place}.parquet"))
    assert len(digests) == 3


def test_keys_of_a_list_are_those_of_all_its_items() -> None:
    assert keys_of({"rows": [{"a": 1}, {"b": None}, {"b": "x"}], "no": []}) == {
        "rows": {"each": {"a": "whole", "b": "text"}},
        "no": {"each": {}},
    }
