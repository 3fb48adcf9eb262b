"""A client of the service: the library's names, answered by a server.

    client = sizer.Client("http://127.0.0.1:8765")
    client.count({"convention": "pytorch", ...}).weights
    client.run_sweep("sweeps/speech.yaml").wait().frame(budget="5M")

It needs nothing but Python, and pandas where it gives frames. Connections are kept open between calls; one client may
be used by several threads.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sizer.errors import Fault, InputError, RunError
from sizer.networks.blocks.counting import ModelCount
from sizer.networks.columns import MODEL_COLUMNS
from sizer.networks.counting import Count, count_of

if TYPE_CHECKING:
    import pandas as pd

_OF_MODEL_COUNT = ("macs_per_step", "state_size", "trained_weights", "buffer_values")
"""The counted columns that have fields of their own."""
_ENDED = ("done", "failed", "cancelled")


class Client:
    """A server's counts, comparisons and sweeps."""

    def __init__(self, url: str = "http://127.0.0.1:8765", token: str = "", timeout: float = 120.0) -> None:
        """Hold the address; nothing is asked yet.

        Args:
            url: of the server, `http://host:port` or `https://...`.
            token: of the server; empty: the environment's `SIZER_TOKEN`, if there is one.
            timeout: seconds to wait for an answer.
        """
        parts = urllib.parse.urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError([Fault("", 0, 0, "url", f"'{url}' is not an address such as http://127.0.0.1:8765")])
        self._scheme, self._place, self._before = parts.scheme, parts.netloc, parts.path.rstrip("/")
        self._timeout = timeout
        self._headers = {"content-type": "application/json"}
        bearer = token or os.environ.get("SIZER_TOKEN", "")
        if bearer:
            self._headers["authorization"] = f"Bearer {bearer}"
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Return which server it asks; a token is never shown."""
        return f"<Client: {self._scheme}://{self._place.rpartition('@')[2]}{self._before}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def count(
        self,
        fields: Mapping[str, Any],
        cell_types: Mapping[str, Any] | None = None,
        block_types: Mapping[str, Any] | None = None,
    ) -> Count:
        """Return what `sizer.count` returns, of a model of blocks a `ModelCount`.

        Raises:
            InputError: the network has faults.
            RunError: the server cannot be reached, or refuses to answer.
        """
        found = self._post("count", {"network": _with_types(fields, cell_types, block_types)})
        if "blocks" in fields:
            return _model_count(found)
        return count_of(found["configuration"], {**found, **found["parts"]})

    def count_batch(self, networks: Iterable[Mapping[str, Any]]) -> list[dict[str, int]]:
        """Return what `sizer.count_batch` returns, in one call.

        Raises:
            InputError: a network has faults.
            RunError: as in `count`; or there are more networks than the server counts in one call.
        """
        found: list[dict[str, int]] = self._post("count", {"networks": list(networks)})["counts"]
        return found

    def fits(self, fields: Mapping[str, Any], budget: Any) -> bool:
        """Return what `sizer.fits` returns.

        Raises:
            InputError: the network or the budget has faults.
            RunError: as in `count`.
        """
        return bool(self._post("count", {"network": fields, "budget": budget})["fits"])

    def explain(
        self,
        fields: Mapping[str, Any],
        cell_types: Mapping[str, Any] | None = None,
        block_types: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `sizer explain --json` prints.

        Raises:
            InputError: the network has faults.
            RunError: as in `count`.
        """
        return self._post("explain", {"network": _with_types(fields, cell_types, block_types)})

    def compare(self, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the readings that `sizer compare --json` prints.

        Raises:
            InputError: the network has faults.
            RunError: as in `count`.
        """
        found: list[dict[str, Any]] = self._post("compare", {"network": fields})["readings"]
        return found

    def reconcile(
        self,
        fields: Mapping[str, Any],
        claim: str | int,
        cell_types: Mapping[str, Any] | None = None,
        block_types: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return what `sizer compare --claim --json` prints.

        Raises:
            InputError: the network or the claim has faults.
            RunError: as in `count`.
        """
        return self._post("compare", {"network": _with_types(fields, cell_types, block_types), "claim": claim})

    def fit(
        self, fields: Mapping[str, Any], *, vary: str, budget: str | int, step: int = 1, round_to: int | None = None
    ) -> dict[str, Any]:
        """Return the answer that `sizer fit --json` prints.

        Raises:
            InputError: the network or the question has faults.
            RunError: as in `count`.
        """
        asked = {"network": fields, "vary": vary, "budget": budget, "step": step, "round_to": round_to}
        return self._post("fit", asked)

    def run_sweep(self, sweep: str | os.PathLike[str] | Mapping[str, Any]) -> RemoteSweep:
        """Start a sweep, or find the one that is the same.

        Args:
            sweep: the path of a YAML file, or what one holds, as a mapping.

        Raises:
            InputError: the sweep has faults, or the file cannot be read.
            RunError: as in `count`.
        """
        return RemoteSweep(self, self._asked("POST", "/v1/sweeps", _sweep_body(sweep)))

    def count_space(
        self,
        sweep: str | os.PathLike[str] | Mapping[str, Any],
        *,
        budget: str | Sequence[str] = (),
        where: str | Sequence[str] = (),
        bins: int = 20,
    ) -> dict[str, Any]:
        """Return how many networks of a space fit, and how many of them have how many weights.

        Args:
            sweep: as in `run_sweep`, with `per_layer` axes or without.
            budget: bounds in place of the sweep's, such as 10M.
            where: further conditions.
            bins: of the histogram; 0: none is made.

        Raises:
            InputError: the sweep or what is asked has faults.
            RunError: as in `count`.
        """
        asked = _parameters({"budget": _several(budget), "where": _several(where), "bins": bins})
        return self._asked("POST", f"/v1/space/count?{asked}", _sweep_body(sweep))

    def sample_space(
        self,
        sweep: str | os.PathLike[str] | Mapping[str, Any],
        n: int = 10,
        seed: int = 0,
        *,
        budget: str | Sequence[str] = (),
        where: str | Sequence[str] = (),
    ) -> dict[str, Any]:
        """Return what `sizer sample --json` prints: networks drawn uniformly among all of a space that fit.

        Args:
            sweep: as in `run_sweep`, with `per_layer` axes or without.
            n: how many networks.
            seed: the same draws the same.
            budget: bounds in place of the sweep's, such as 10M.
            where: further conditions.

        Raises:
            InputError: the sweep or what is asked has faults, or nothing fits.
            RunError: as in `count`.
        """
        asked = _parameters({"budget": _several(budget), "where": _several(where), "n": n, "seed": seed})
        return self._asked("POST", f"/v1/space/sample?{asked}", _sweep_body(sweep))

    def look(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return what `sizer look --json` prints, with a sweep and a model in YAML. Of safetensors the header alone is sent.

        Args:
            path: of a model file on this machine.

        Raises:
            InputError: it is no model file that is read, or it cannot be read.
            RunError: as in `count`.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                head = file.read(8)
                length = int.from_bytes(head, "little")
                first = file.read(1)
                whole = first != b"{" or head[6:8] != b"\0\0" or length > size
                body = head + first + (file.read() if whole else file.read(length - 1))
        except OSError as problem:
            raise InputError([Fault(str(path), 0, 0, "", f"cannot be read: {problem.strerror or problem}")]) from None
        asked = {"name": path.name[-200:], **({} if whole else {"size": size, "head": len(body)})}
        return self._asked("POST", f"/v1/look?{_parameters(asked)}", body)

    def sweep(self, sweep_id: str) -> RemoteSweep:
        """Return a sweep that was started before.

        Raises:
            RunError: there is none of that id, or as in `count`.
        """
        return RemoteSweep(self, self._asked("GET", f"/v1/sweeps/{urllib.parse.quote(sweep_id, safe='')}"))

    def sweeps(self) -> list[RemoteSweep]:
        """Return the hundred newest sweeps, the newest first.

        Raises:
            RunError: as in `count`.
        """
        return [RemoteSweep(self, one) for one in self._asked("GET", "/v1/sweeps")["sweeps"]]

    def close(self) -> None:
        """Close the connections that are kept; the client may be used again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._asked("POST", f"/v1/{what}", json.dumps(body, default=_plain).encode())

    def _asked(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        content = self._bytes(method, path, body)
        found: dict[str, Any] = json.loads(content) if content else {}
        return found

    def _bytes(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return the body of an answer.

        Raises:
            InputError: the server answers faults in what was asked.
            RunError: the server cannot be reached, or refuses to answer.
        """
        while True:
            connection, kept = self._connection()
            try:
                connection.request(method, self._before + path, body, self._headers)
                response = connection.getresponse()
                content = response.read()
            except (http.client.HTTPException, OSError) as problem:
                connection.close()
                # The server may have closed a connection that was kept.
                if kept and isinstance(problem, (http.client.RemoteDisconnected, ConnectionError)):
                    continue
                raise RunError(f"{self._scheme}://{self._place}: {problem}") from None
            with self._lock:
                self._idle.append(connection)
            break
        if response.status < 300:
            return content
        faults = _faults(content)
        if response.status == 422 and faults:
            raise InputError(faults)
        said = "; ".join(map(str, faults)) or response.reason
        raise RunError(f"{self._scheme}://{self._place}: {said} ({response.status})")

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """Return a connection that nobody uses, and whether it was kept from an earlier call."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        kind = http.client.HTTPSConnection if self._scheme == "https" else http.client.HTTPConnection
        return kind(self._place, timeout=self._timeout), False


class RemoteSweep:
    """A sweep on a server, and its rows when it is done."""

    def __init__(self, client: Client, state: Mapping[str, Any]) -> None:
        """Hold what the server said."""
        self._client = client
        self.state: Mapping[str, Any] = state
        """What the server said last: `status`, `dry_run`, `progress`, `summary` and more."""

    def __repr__(self) -> str:
        """Return the sweep in a line, as the server said last."""
        return f"<RemoteSweep: {self.id} · {self.status}>"

    @property
    def id(self) -> str:
        """The sweep's id, the same for the same sweep."""
        return str(self.state["id"])

    @property
    def status(self) -> str:
        """`queued`, `running`, `done`, `failed` or `cancelled`, as the server said last."""
        return str(self.state["status"])

    def refresh(self) -> RemoteSweep:
        """Ask how far the sweep is.

        Raises:
            RunError: the server cannot be reached, or has forgotten the sweep.
        """
        self.state = self._client._asked("GET", self._path())
        return self

    def wait(self, seconds: float | None = None) -> RemoteSweep:
        """Wait until the sweep has ended.

        Args:
            seconds: at most; None: for as long as it takes.

        Raises:
            InputError: the sweep failed by faults of its own.
            RunError: it was cancelled, did not end in time, or the server cannot be reached.
        """
        end = None if seconds is None else time.monotonic() + seconds
        pause = 0.02
        while self.refresh().status not in _ENDED:
            if end is not None and time.monotonic() >= end:
                raise RunError(f"sweep {self.id} is {self.status} after {seconds:g} seconds")
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        if self.status == "failed":
            raise InputError(_read(fault) for fault in self.state["faults"])
        if self.status == "cancelled":
            raise RunError(f"sweep {self.id} was cancelled")
        return self

    def cancel(self) -> None:
        """Cancel the sweep; one that has ended stays as it is.

        Raises:
            RunError: the server cannot be reached, or has forgotten the sweep.
        """
        if self.refresh().status not in _ENDED:
            self.state = self._client._asked("DELETE", self._path())

    def rows(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """Yield rows, page by page.

        Args:
            asked: `budget`, `where`, `sort` and `columns`, as `sizer query` takes them; `limit`: rows of a page.

        Raises:
            InputError: what is asked has faults.
            RunError: the sweep is not done, or the server cannot be reached.
        """
        asked = {"limit": 1000, **asked}
        cursor: str | None = ""
        while cursor is not None:
            page = self._client._asked("GET", f"{self._path()}/rows?{_parameters({**asked, 'cursor': cursor})}")
            yield from page["rows"]
            cursor = page["next"]

    def frame(self, **asked: Any) -> pd.DataFrame:
        """Return rows as a pandas frame.

        Args:
            asked: `budget`, `where`, `sort` and `columns`, as `sizer query` takes them.

        Raises:
            InputError: what is asked has faults.
            RunError: the sweep is not done, or the server cannot be reached.
        """
        import io

        import pandas as pd

        return pd.read_parquet(
            io.BytesIO(self._client._bytes("GET", f"{self._path()}/rows.parquet?{_parameters(asked)}"))
        )

    def download(self, path: str | os.PathLike[str], **asked: Any) -> None:
        """Write rows into a file; its name ends with `.csv`, `.parquet` or `.xlsx`.

        Args:
            path: of the file, which is replaced when the new one is whole.
            asked: `budget`, `where`, `sort` and `columns`, as `sizer query` takes them.

        Raises:
            InputError: what is asked has faults.
            RunError: the sweep is not done, the server cannot be reached, or the file cannot be written.
        """
        target = Path(path)
        content = self._client._bytes("GET", f"{self._path()}/rows{target.suffix}?{_parameters(asked)}")
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(target)
        except OSError as problem:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise RunError(f"{target}: {problem.strerror or problem}") from None

    def _path(self) -> str:
        return f"/v1/sweeps/{self.id}"


def _sweep_body(sweep: str | os.PathLike[str] | Mapping[str, Any]) -> bytes:
    """Return a sweep as it is sent.

    Raises:
        InputError: its file cannot be read.
    """
    if isinstance(sweep, Mapping):
        return json.dumps(sweep).encode()
    try:
        return Path(sweep).read_bytes()
    except OSError as problem:
        words = problem.strerror or str(problem)
        raise InputError([Fault(os.fspath(sweep), 0, 0, "", f"cannot be read: {words}")]) from None


def _several(words: str | Sequence[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def _with_types(
    fields: Mapping[str, Any], cell_types: Mapping[str, Any] | None, block_types: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    own = {"cell_types": cell_types, "block_types": block_types}
    return {**fields, **{name: types for name, types in own.items() if types is not None}}


def _model_count(found: Mapping[str, Any]) -> ModelCount:
    """Return the count of a model of blocks as a server answers it."""
    fixed = {"weights", "parts", "clocks", "macs", "configuration", "fits", *MODEL_COLUMNS}
    macs = {name: Fraction(number) for name, number in found["macs"].items()}
    return ModelCount(
        found["configuration"],
        found["parts"],
        found.get("macs_per_step"),  # type: ignore[arg-type]
        found["state_size"],
        None,
        {
            name: found[name]
            for name, column in MODEL_COLUMNS.items()
            if not (column.each or column.part) and name not in _OF_MODEL_COUNT
        },
        by_block={
            name.removesuffix(".weights"): weights
            for name, weights in found.items()
            if name not in fixed and name.endswith(".weights")
        },
        trained_weights=found["trained_weights"],
        buffer_values=found["buffer_values"],
        macs=macs,
        clocks=tuple(found["clocks"]),
    )


def _plain(value: Any) -> Any:
    """Return numbers of other libraries as Python's."""
    if hasattr(value, "__index__"):
        return value.__index__()
    if isinstance(value, Mapping):
        return dict(value)
    raise InputError([Fault("", 0, 0, "", f"{type(value).__name__} is nothing that can be asked with")])


def _parameters(asked: Mapping[str, Any]) -> str:
    listed = []
    for name, value in asked.items():
        several = isinstance(value, Sequence) and not isinstance(value, str)
        if several and name in ("sort", "columns"):
            value, several = ",".join(value), False
        listed += [(name, str(one)) for one in value] if several else [(name, str(value))]
    return urllib.parse.urlencode([(name, value) for name, value in listed if value])


def _faults(content: bytes) -> list[Fault]:
    try:
        return [_read(fault) for fault in json.loads(content)["faults"]]
    except (ValueError, KeyError, TypeError):
        return []


def _read(fault: Mapping[str, Any]) -> Fault:
    return Fault(fault["file"], fault["line"], fault["column"], fault["path"], fault["message"])
