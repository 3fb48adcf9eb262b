"""The rows of finished jobs: a page at a time, as files, and as the points of a plot."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sizer.errors import Fault, InputError
from sizer.formats import FORMATS, OF_RUNS
from sizer.service import openapi
from sizer.service.faults import LOG, answer
from sizer.service.jobs import SweepJob
from sizer.service.refusals import RefusedError
from sizer.service.state import State
from sizer.service.sweeps import Budget, Where

if TYPE_CHECKING:
    from sizer.tables.shown.plots import Varying

_MOST_KNOWN = 512
Found = TypeVar("Found")

Sort = Annotated[
    str, Query(description="Columns to sort by, with commas; with - in front the largest first.", max_length=1000)
]
Columns = Annotated[str, Query(description="Columns of the answer, with commas; empty: all.", max_length=2000)]


def router(state: State) -> APIRouter:
    """Return the addresses of rows."""
    found = APIRouter(prefix="/v1/sweeps/{sweep_id}", tags=["rows"])
    limits = state.settings.limits
    totals: _Lately[int] = _Lately()
    varying: _Lately[Varying] = _Lately()
    downloads = asyncio.Semaphore(limits.downloads)
    files = _Files(state.settings.data / "downloads", limits.cached_bytes)

    @found.get("/rows", **openapi.ROWS)
    async def rows(
        sweep_id: str,
        budget: Budget = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        sort: Sort = "",
        columns: Columns = "",
        limit: Annotated[int, Query(ge=1, description="Rows of the page.")] = 100,
        offset: Annotated[int, Query(ge=0, le=2**62, description="Rows to skip.")] = 0,
        cursor: Annotated[str, Query(description="`next` of the page before.", max_length=4000)] = "",
    ) -> Response:
        if limit > limits.page_rows:
            message = f"a page has at most {limits.page_rows:,} rows; `next` leads to more"
            raise InputError([Fault("", 0, 0, "limit", message)])
        job = await _done(state, sweep_id)
        after = _after(cursor)
        key = (job.id, job.created, tuple(budget), tuple(where))
        async with state.querying():
            page = await run_in_threadpool(
                _page, state.job_runner.folder(job.id), job, budget, where, _words(sort), _words(columns),
                rows=limit, after=after, skip=offset, counted=totals.get(key) is None,
            )  # fmt: skip
        if page.total is not None:
            totals.put(key, page.total)
        names = list(page.columns)
        return answer(
            {
                "columns": names,
                "rows": [dict(zip(names, row, strict=True)) for row in page.rows],
                "total": totals.get(key),
                "next": None if page.after is None else _cursor(page.after),
            }
        )

    @found.get("/plot", **openapi.PLOT)
    async def plot(
        sweep_id: str,
        budget: Budget = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        x: Annotated[str, Query(description="The field on the x axis.", max_length=100)] = "",
        colour: Annotated[str, Query(description="The field that groups the points.", max_length=100)] = "",
    ) -> Response:
        job = await _done(state, sweep_id)
        async with state.querying():
            known = varying.get((job.id, job.created))
            asked = {"budget": budget, "where": where, "x": x, "colour": colour}
            shown, found = await run_in_threadpool(_plotted, state.job_runner.folder(job.id), job, asked, known)
        varying.put((job.id, job.created), found)
        return answer(shown)

    @found.api_route("/rows.{form}", methods=["GET"], **openapi.FILES)
    async def file(
        request: Request,
        sweep_id: str,
        form: str,
        budget: Budget = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        sort: Sort = "",
        columns: Columns = "",
    ) -> Response:
        if form not in OF_RUNS:
            raise RefusedError(404, f"rows can be had as {', '.join(OF_RUNS)}")
        row = FORMATS[form]
        job = await _done(state, sweep_id)
        name = f"{job.name}.{form}"
        asked = {"budget": budget, "where": where, "sort": _words(sort), "columns": _words(columns)}
        folder = state.job_runner.folder(job.id)
        if row.text and request.method == "GET":
            if downloads.locked():
                raise RefusedError(429, "too many files are being sent; try again", {"retry-after": "5"})
            pieces = _text(folder, job, form, asked)
            async with state.querying():
                # What is wrong with a question is found before the answer begins.
                first = await run_in_threadpool(next, pieces, b"")
            return _Download(downloads, first, pieces, row.media_type, name)
        whole = folder / f"{job.name}.parquet"
        if form == "parquet" and whole.is_file() and not any(asked.values()):
            await run_in_threadpool(_check_whole, folder, job)
            path = whole
        else:
            async with state.querying():
                path = await run_in_threadpool(files.made, folder, job, form, asked)
        return FileResponse(path, media_type=row.media_type, filename=name)

    # Who reads a part of a file by its address asks for its size first.
    found.add_api_route("/rows.{form}", file, methods=["HEAD"], include_in_schema=False)
    return found


async def _done(state: State, sweep_id: str) -> SweepJob:
    job = await state.job(sweep_id)
    if job.status != "done":
        raise RefusedError(409, f"this sweep is {job.status}; it has rows only when it is done")
    return job


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _cursor(after: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(after, separators=(",", ":")).encode()).decode().rstrip("=")


def _after(cursor: str) -> list[Any] | None:
    if not cursor:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list):
        raise InputError([Fault("", 0, 0, "cursor", "was not given by this server")])
    return found


@contextlib.contextmanager
def _reading(folder: Path, job: SweepJob) -> Iterator[Any]:
    """Give a job's table, under the sweep's name: no path of the server reaches an answer.

    Raises:
        RefusedError: the table is not what the job wrote; the log says more.
    """
    from sizer.tables.asked.results import Results, UnreadableError, open_results

    try:
        (result,) = open_results(folder / f"{job.name}.parquet").results
        if not result.verified:
            raise FileNotFoundError(f"{job.name}: the table has no manifest")
        yield Results((dataclasses.replace(result, name=job.name),))
    except (UnreadableError, FileNotFoundError) as problem:
        LOG.error("job %s: %s", job.id, problem)
        message = f"{job.name}: the table does not match what its run wrote; delete the sweep and post it again"
        raise RefusedError(500, message) from None


def _check_whole(folder: Path, job: SweepJob) -> None:
    """Check that a job's table is what the job wrote.

    Raises:
        RefusedError: it is not.
    """
    with _reading(folder, job):
        pass


def _page(
    folder: Path, job: SweepJob, budget: list[str], where: list[str], sort: list[str], columns: list[str], **asked: Any
) -> Any:
    from sizer.tables.asked.paging import page_of
    from sizer.tables.asked.query import Query as Asked

    query = Asked(budget=budget, where=where, sort=sort, columns=columns)
    with _reading(folder, job) as results:
        return page_of(results, query, **asked)


def _plotted(
    folder: Path, job: SweepJob, asked: dict[str, Any], varying: Varying | None
) -> tuple[dict[str, Any], Varying]:
    from sizer.tables.shown.plots import Asked, points_for

    with _reading(folder, job) as results:
        found, known = points_for(results, Asked(**asked), varying)
    return {**dataclasses.asdict(found), "values": dict(known.values)}, known


def _text(folder: Path, job: SweepJob, form: str, asked: dict[str, Any]) -> Generator[bytes]:
    """Yield an answer in a format that is text, a piece at a time: who goes away costs nothing more."""
    from sizer.tables.asked.query import Query as Asked
    from sizer.tables.asked.query import answered
    from sizer.tables.written.streams import Form
    from sizer.tables.written.writers import opened_writer

    sink = _Pieces()
    with _reading(folder, job) as results, answered(results, Asked(**asked)) as found:
        writer = opened_writer(form, sink, found.schema, {}, Form())
        from sizer.tables.written.batches import regrouped

        for table in regrouped(found.batches(), found.schema):
            writer.write(table)
            yield sink.taken()
        writer.close()
        yield sink.taken()


class _Pieces(io.RawIOBase):
    """A stream that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._kept.append(bytes(data))
        return len(self._kept[-1])

    def taken(self) -> bytes:
        found = b"".join(self._kept)
        self._kept.clear()
        return found


class _Download(StreamingResponse):
    """Text that is sent as it is made; it has a place among the downloads until it ends, in whatever way."""

    def __init__(
        self, places: asyncio.Semaphore, first: bytes, rest: Generator[bytes], media_type: str, name: str
    ) -> None:
        super().__init__(
            itertools.chain([first], rest),
            media_type=media_type,
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )
        self._places = places
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._places:
            try:
                await super().__call__(scope, receive, send)
            finally:
                self._rest.close()


class _Lately(Generic[Found]):
    """What was found lately, and need not be looked for again: the rows of a job that is done do not change."""

    def __init__(self) -> None:
        self._found: OrderedDict[Any, Found] = OrderedDict()

    def get(self, key: Any) -> Found | None:
        return self._found.get(key)

    def put(self, key: Any, found: Found) -> None:
        self._found[key] = found
        while len(self._found) > _MOST_KNOWN:
            self._found.popitem(last=False)


class _Files:
    """Files made for downloads. Who reads one piece by piece gets pieces of the same file; the longest unused go first."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._locks: dict[str, threading.Lock] = {}
        self._all = threading.Lock()

    def made(self, folder: Path, job: SweepJob, form: str, asked: dict[str, Any]) -> Path:
        """Return the file of an answer, made where it is not there."""
        from sizer.tables.asked.answers import write_answer
        from sizer.tables.asked.query import Query as Asked
        from sizer.tables.asked.query import answered
        from sizer.tables.stored.files import pending_files

        what = json.dumps([job.id, job.created, job.ended, form, asked])
        path = self._folder / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.{form}"
        with self._all:
            lock = self._locks.setdefault(path.name, threading.Lock())
        with lock:
            if path.is_file():
                with contextlib.suppress(OSError):
                    os.utime(path)
                return path
            query = Asked(**asked)
            with (
                pending_files(self._folder) as pending,
                _reading(folder, job) as results,
                answered(results, query) as found,
            ):
                write_answer(found, form, pending.add(path), results, query)
                pending.commit()
        self._forget(path)
        return path

    def _forget(self, newest: Path) -> None:
        """Remove what has not been used for longest, where there is too much."""
        with self._all:
            files = []
            for path in self._folder.iterdir():
                with contextlib.suppress(OSError):
                    status = path.stat()
                    files.append((status.st_mtime, status.st_size, path))
            size = sum(bytes_ for _, bytes_, _ in files)
            for _, bytes_, path in sorted(files):
                if size <= self._most:
                    break
                if path != newest and not path.name.startswith("."):
                    path.unlink(missing_ok=True)
                    self._locks.pop(path.name, None)
                    size -= bytes_
