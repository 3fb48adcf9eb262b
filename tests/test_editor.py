"""What an editor shows in a sweep file, asked of yaml-language-server: hovers, completions and faults in words."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sizer.networks.aliases import TOOLKITS
from sizer.networks.cells import CELL_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.networks.fields import FIELDS
from sizer.sweepfile.load import load_sweep
from sizer.sweepfile.schema_line import schema_address
from tests import editor
from tests.commands import run

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# yaml-language-server: $schema=sweep.schema.json\n"
served = pytest.mark.skipif(editor.SERVER is None, reason="yaml-language-server is not installed")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[editor.Editor]:
    folder = tmp_path_factory.mktemp("editor")
    shutil.copy(ROOT / "schemas" / "sweep.schema.json", folder)
    with editor.Editor(folder) as session:
        yield session


@served
@pytest.mark.process
def test_hover_says_what_a_field_is(opened: editor.Editor) -> None:
    names = [name for name in FIELDS if name not in {"convention", "cell_type"}]
    axes = [f"  {name}: [{'true' if FIELDS[name].kind == 'boolean' else 1}]" for name in names]
    opened.open(HEAD + "\n".join(["sizer: 1", "name: x", "grid:", *axes]), "hover.yaml")
    for line, name in enumerate(names, 4):
        shown = opened.hover(line, 4).replace("\\", "")
        assert FIELDS[name].description.replace("`", "") in shown.replace("`", ""), name
        assert ("A swept field: a list" if FIELDS[name].kind == "count" else FIELDS[name].title) in shown, name


@served
@pytest.mark.process
def test_every_word_has_a_text_of_its_own(opened: editor.Editor) -> None:
    opened.open(HEAD + "sizer: 1\nname: x\nmodel:\n  convention: \n  cell_type: \n", "words.yaml")
    conventions, cells = opened.complete(4, 14), opened.complete(5, 13)
    assert set(conventions) == {*CONVENTIONS, *TOOLKITS}
    assert len({item["documentation"] for item in conventions.values()}) == len(conventions)
    assert "another name of pytorch" in conventions["cudnn"]["documentation"]
    assert set(CELL_TYPES) <= set(cells)
    assert cells["gru"]["documentation"] == "Gated recurrent unit."
    opened.open(HEAD + "sizer: 1\nname: x\nmodel:\n  convention: keras\n", "word.yaml")
    assert "* `keras`: One bias vector, two in a GRU" in opened.hover(4, 17)


@served
@pytest.mark.process
def test_a_wrong_pattern_is_answered_in_words(opened: editor.Editor) -> None:
    text = """\
sizer: 1
name: "a b"
model: {convention: pytorch, cell_type: lstm, inputs: 39, layers: many}
grid:
  cells: {from: 1, to: 8, factor: x}
budget: {weights: {max: 10MB}, int8_bytes: {max: 5 MB}}
"""
    found = [one["message"] for one in opened.open(HEAD + text, "patterns.yaml")]
    assert not [message for message in found if "[0-9]" in message]
    for words in ("Use letters, digits", "Write a whole number or a size", "Write a fraction", "Write bytes"):
        assert [message for message in found if words in message], words
    assert [message for message in found if "A size in bytes bounds float32_bytes or int8_bytes." in message]


@served
@pytest.mark.process
def test_completions_insert_what_is_meant(opened: editor.Editor) -> None:
    opened.open(HEAD + "sizer: 1\nname: x\n", "keys.yaml")
    keys = opened.complete(3, 0)
    assert keys["grid"]["insertText"].startswith("grid:\n  layers: [")
    assert keys["model"]["insertText"].splitlines() == [
        "model:",
        "  convention: ${1:pytorch}",
        "  cell_type: ${2:lstm}",
        "  inputs: ${3:80}",
        "  outputs: ${4:32}",
    ]
    opened.open(HEAD + "sizer: 1\nname: x\nmodel:\n  ", "model.yaml")
    assert set(FIELDS) <= set(opened.complete(4, 2))
    opened.open(HEAD + "sizer: 1\nname: x\ngrid:\n  cells: ", "axis.yaml")
    axis = opened.complete(4, 9)
    assert {"a list", "from, to, step", "from, to, factor", "of, ratio, round_to"} <= set(axis)


def test_init_says_where_the_schema_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("init", "--out", "mine.yaml", cwd=tmp_path).returncode == 0
    first = (tmp_path / "mine.yaml").read_text().splitlines()[0]
    address = first.removeprefix("# yaml-language-server: $schema=")
    assert address.startswith("file://")
    assert Path(address.removeprefix("file://")).read_text() == (ROOT / "schemas" / "sweep.schema.json").read_text()
    assert load_sweep(tmp_path / "mine.yaml").name == "starter"
    assert run("init", "--out", "-").stdout.splitlines()[0] == first
    # Within one project the address is the same on every machine.
    assert schema_address(ROOT / "sweeps" / "mine.yaml") == "../schemas/sweep.schema.json"
    monkeypatch.chdir(ROOT)
    assert schema_address(Path("mine.yaml")) == "schemas/sweep.schema.json"
