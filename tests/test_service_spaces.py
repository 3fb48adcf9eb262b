"""Spaces and model files over HTTP: the same answers as in Python, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")

import sizer
from sizer.errors import InputError
from sizer.recovery.looking import look
from sizer.sweepfile.load import parse_sweep
from tests.served import ROOT, Served, served

pytestmark = pytest.mark.process
WIDTHS = ROOT / "sweeps" / "widths.yaml"
SPEECH = ROOT / "sweeps" / "speech.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as found:
        yield found


def test_a_space_is_counted_as_in_python(server: Served) -> None:
    space = sizer.space(WIDTHS)
    with sizer.Client(server.url) as client:
        found = client.count_space(WIDTHS, bins=5)
        assert (found["configurations"], found["kept"]) == (4581298432, space.count()) == (4581298432, 231943)
        assert [tuple(one.values()) for one in found["histogram"]] == [tuple(one) for one in space.histogram(5)]
        assert found["median"] == space.quantile(0.5)
        assert client.count_space(WIDTHS, budget="9.2M", bins=0)["kept"] == space.count(("9M", "9.2M"))


def test_networks_are_drawn_as_in_python(server: Served) -> None:
    with sizer.Client(server.url) as client:
        drawn = client.sample_space(WIDTHS, 20, seed=3)["networks"]
    assert [one["id"] for one in drawn] == sizer.space(WIDTHS).sample(20, 3).ids
    assert all(9_000_000 <= one["weights"] <= 10_000_000 for one in drawn)


def test_a_sweep_without_fields_of_layers_is_a_space_too(server: Served) -> None:
    space = sizer.space(SPEECH)
    with sizer.Client(server.url) as client:
        found = client.count_space(SPEECH, bins=5)
        assert (found["configurations"], found["kept"], found["median"]) == (3100, 1834, space.quantile(0.5))
        assert [tuple(one.values()) for one in found["histogram"]] == [tuple(one) for one in space.histogram(5)]
        drawn = client.sample_space(SPEECH, 20, seed=3)
    assert [one["id"] for one in drawn["networks"]] == space.sample(20, 3).ids
    assert list(drawn["networks"][0]) == list(sizer.load_sweep(SPEECH).columns)


@pytest.mark.parametrize(
    ("address", "body", "message"),
    [
        ("count?budget=wieghts=1", WIDTHS.read_text(), "did you mean 'weights'?"),
        ("sample?budget=weights=9000000&where=layers%20==%209", WIDTHS.read_text(), "fits"),
        ("sample?n=10001", WIDTHS.read_text(), "10,001 networks are more than the 10,000 that one call may sample"),
        ("sample?seed=-1", WIDTHS.read_text(), "greater than or equal to 0"),
        ("count?bins=1001", WIDTHS.read_text(), "less than or equal to 1000"),
    ],
)
def test_what_is_asked_of_a_space_is_checked(server: Served, address: str, body: str, message: str) -> None:
    status, said, _ = server.ask(f"/v1/space/{address}", body.encode())
    assert status == 422
    assert message in json.dumps(said)


def safetensors(path: Path) -> Path:
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
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(place))
    return path


def test_a_file_is_looked_into_as_in_python_and_never_stored(server: Served, tmp_path: Path) -> None:
    path = safetensors(tmp_path / "mine.safetensors")
    before = sorted(server.data.rglob("*"))
    with sizer.Client(server.url) as client:
        found = client.look(path)
    expected = look(path).as_json()
    for name in ("weights", "networks", "blocks", "unexplained", "model", "format"):
        assert found[name] == json.loads(json.dumps(expected[name])), name
    assert found["weights"] == 5376
    assert "sizer: 1" in found["sweep_text"]
    assert sorted(server.data.rglob("*")) == before
    # All of it, and its header alone, say the same.
    whole = server.ask("/v1/look?name=mine.safetensors", path.read_bytes())[1]
    assert whole == found


def test_what_is_no_model_is_refused(server: Served, tmp_path: Path) -> None:
    content = safetensors(tmp_path / "x.safetensors").read_bytes()
    for address, body, message in (
        ("look?name=x.bin", b"nothing", "nothing at its start is recognised"),
        ("look?name=x.safetensors", content[:-1], "it is cut off"),
        ("look?name=x.safetensors&size=7", content, "bytes were sent of a file that has 7"),
        ("look?name=x.pt&size=1000000000&head=4", b"PK\x03\x04" + bytes(100), ""),
        ("look", b"", "it is empty"),
    ):
        status, said, _ = server.ask(f"/v1/{address}", body)
        assert status == 422, said
        assert message in said["faults"][0]["message"]
    with sizer.Client(server.url) as client, pytest.raises(InputError, match="cannot be read"):
        client.look(tmp_path / "missing.pt")


def test_a_file_larger_than_is_read_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, limits={"file_bytes": 1000}) as server:
        status, said, _ = server.ask("/v1/look", bytes(1001))
    assert status == 413
    assert "1,000 bytes" in said["faults"][0]["message"]


LONG_IDS = """\
sizer: 1
name: long
model: {convention: pytorch, cell_type: gru, inputs: 8, layers: 9}
grid: {cells: {per_layer: {from: 8, to: 2048, step: 8}}}
budget: {weights: {max: 9000}}
"""


def test_a_job_of_a_space_has_the_rows_of_a_run(server: Served, tmp_path: Path) -> None:
    sweep = parse_sweep(LONG_IDS)
    expected = [str(number) for some in sizer.space(sweep).rows() for number in some.ids]
    file = tmp_path / "long.yaml"
    file.write_text(LONG_IDS)
    with sizer.Client(server.url) as client:
        job = client.run_sweep(file).wait(60)
        assert job.status == "done"
        assert [row["id"] for row in job.rows()] == expected
        job.download(tmp_path / "long.parquet")
        largest = next(iter(job.rows(sort="-weights")))
        assert largest["id"] == str(sizer.space(sweep).largest(1).ids[0])
        status, said, _ = server.ask(f"/v1/sweeps/{job.id}/configurations/{largest['id']}")
    assert status == 200
    assert said["weights"] == largest["weights"]
    assert pd.read_parquet(tmp_path / "long.parquet")["id"].tolist() == expected
