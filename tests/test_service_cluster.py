"""A server whose jobs a Dask cluster runs, as in compose.yaml, with the same processes started by hand."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra `serve`)")
pytest.importorskip("duckdb", reason="DuckDB is not installed (the extra `serve`)")
pytest.importorskip("distributed", reason="Dask is not installed (the extra `cluster`)")

import sizer
from sizer.sweepfile.load import parse_sweep
from tests.served import LARGE, ROOT, SMALL, served
from tests.test_cluster import address, worker  # noqa: F401 - a fixture
from tests.test_service_jobs import bytes_of


@pytest.mark.process
def test_a_cluster_runs_the_jobs_though_a_worker_is_killed(address: str, tmp_path: Path) -> None:  # noqa: F811
    with (
        worker(address, tmp_path / "a") as first,
        worker(address, tmp_path / "b"),
        served(tmp_path / "data", "--cluster", address) as server,
    ):
        job = server.sweep(LARGE)
        for _ in range(1000):
            state = server.ask(f"/v1/sweeps/{job['id']}")[1]
            if state["progress"].get("decided") or state["status"] == "done":
                break
            time.sleep(0.02)
        first.kill()
        assert server.ended(job["id"])["status"] == "done"
        sizer.run_sweep(parse_sweep(LARGE, "sweep"), tmp_path / "local", formats=["parquet"])
        assert bytes_of(server.data / "results" / job["id"]) == bytes_of(tmp_path / "local")
        small = server.done(SMALL)
        _, content, _ = server.ask(f"/v1/sweeps/{small['id']}/rows.parquet")
        expected = sizer.run_sweep(parse_sweep(SMALL, "sweep"), dry_run=True).frame()
        assert pd.read_parquet(io.BytesIO(content)).weights.tolist() == expected.weights.tolist()


@pytest.mark.process
def test_a_cluster_that_is_not_there_fails_the_job(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--cluster", "tcp://127.0.0.1:1") as server:
        job = server.ended(server.sweep(SMALL)["id"], 180)
        assert job["status"] == "failed"
        assert "the server's log says why" in job["faults"][0]["message"]
        assert "127.0.0.1:1" in "".join(server.said)


def test_the_composition_starts_what_the_test_starts() -> None:
    import yaml

    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["server"]["command"][:2] == ["sizer", "serve"]
    assert services["server"]["command"][-2:] == ["--cluster", "tcp://scheduler:8786"]
    assert services["scheduler"]["command"][:2] == ["dask", "scheduler"]
    assert services["worker"]["command"][:3] == ["dask", "worker", "tcp://scheduler:8786"]
    volumes = {name: service["volumes"] for name, service in services.items()}
    assert volumes == {name: ["data:/data"] for name in ("server", "scheduler", "worker")}
