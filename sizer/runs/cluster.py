"""Parts on other machines: an existing `dask.distributed` scheduler hands them to its workers.

Each worker writes its own parts into the shared folder; only their accounts travel. A part whose worker dies is given to
another one, and a result that was collected is released, so that it is never made twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sizer.errors import RunError, quoted
from sizer.extras import install_command
from sizer.runs.parts import Job, WrittenPart, write_part
from sizer.runs.work import Work
from sizer.tables.stored.folders import Folder
from sizer.version import __version__

if TYPE_CHECKING:
    from distributed import Client

_ADDRESS = re.compile(r"(?P<protocol>[a-z]+)://(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]/:]+):(?P<port>\d{1,5})")

RETRIES = 3
"""How often a part that failed on a worker is tried again: shared disks have their moments."""

PATIENCE_SECONDS = 30
"""How long to wait for the scheduler to answer, and for a first worker."""

AHEAD = 1000
"""Parts that the scheduler is told of at once."""


def write_on_cluster(job: Job, folder: Folder, parts: Sequence[int], address: str) -> Generator[WrittenPart]:
    """Yield parts as the workers of a Dask cluster write them, in no particular order.

    Args:
        job: what is to be written.
        folder: one that this process and every worker reach under the same path or URL.
        parts: their numbers.
        address: of the scheduler, such as `tcp://host:8786`.

    Raises:
        RunError: there is no such cluster, its workers have another version or do not see the folder, or a part
            failed again and again.
    """
    client = _connected(address)
    with contextlib.closing(client):
        _check_workers(client, address)
        yield from _written(client, job, folder, parts)


def _connected(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError:
        raise RunError(f"a cluster needs the extra: {install_command('cluster')}") from None
    _check_address(address)
    _check_scheduler(address)
    try:
        return Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as problem:
        raise RunError(f"{address}: no Dask scheduler answers there ({_first_line(problem)})") from None


def _check_address(address: str) -> None:
    """Check that something listens: Dask's client leaves its threads behind where it cannot connect."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise RunError(f"{quoted(address)} is not the address of a scheduler; one looks like tcp://host:8786")
    if found["protocol"] not in {"tcp", "tls"}:
        return
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), PATIENCE_SECONDS).close()
    except (OSError, OverflowError) as problem:
        raise RunError(f"{address}: no Dask scheduler answers there ({_first_line(problem)})") from None


def _check_scheduler(address: str) -> None:
    """Check that a scheduler answers in time: Dask's client waits for long where something listens and says nothing."""
    # In a thread: where this is called within a notebook, its loop is running here.
    with ThreadPoolExecutor(1, thread_name_prefix="sizer") as thread:
        try:
            said = thread.submit(asyncio.run, _identity(address)).result()
        except TimeoutError:
            why = f"something is listening there, but did not answer for {PATIENCE_SECONDS} seconds"
        except Exception as problem:  # whatever comes of reading another protocol as Dask's
            why = _first_line(problem)
        else:
            kind = said.get("type") if isinstance(said, dict) else None
            if kind == "Scheduler":
                return
            why = f"it is a {str(kind)[:40].lower()}" if kind else "it speaks a different protocol"
    raise RunError(f"{address}: no Dask scheduler answers there ({why})")


async def _identity(address: str) -> Any:
    """Return what a part of Dask's says of itself."""
    from distributed.comm.core import connect
    from distributed.security import Security

    async def asked() -> Any:
        options = Security().get_connection_args("client")
        link = await connect(address, timeout=PATIENCE_SECONDS, **options)
        try:
            await link.write({"op": "identity", "reply": True})
            return await link.read()
        finally:
            link.abort()

    return await asyncio.wait_for(asked(), PATIENCE_SECONDS)


def _check_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError:
        raise RunError(
            f"{address}: no worker has joined the scheduler; start one with: dask worker {address}"
        ) from None
    for worker, found in client.run(_version, on_error="return").items():
        if found != __version__:
            said = f"sizer {found}" if isinstance(found, str) else "no sizer"
            raise RunError(
                f"{worker}: has {said}, and here is sizer {__version__}; every worker needs the same version"
            )


def _version() -> str:
    """Return the version of the process that this runs in."""
    return __version__


def _written(client: Client, job: Job, folder: Folder, parts: Sequence[int]) -> Generator[WrittenPart]:
    from distributed import as_completed

    order = client.scatter(job, broadcast=True, hash=False)
    waiting = iter(parts)

    def submitted(number: int) -> list[Any]:
        chosen = [part for part, _ in zip(waiting, range(number), strict=False)]
        return [client.submit(_write, order, part, folder, pure=False, retries=RETRIES) for part in chosen]

    under_way = as_completed(submitted(AHEAD), loop=client.loop)
    try:
        for future in under_way:
            try:
                answer = future.result()
            except OSError as problem:
                raise RunError(f"{problem.filename or folder.url}: {problem.strerror or problem}") from None
            except Exception as problem:
                raise RunError(f"a part failed on the cluster: {_first_line(problem)}") from problem
            future.release()
            under_way.update(submitted(1))
            yield WrittenPart.from_json(answer)
    finally:
        under_way.clear()


def _write(job: Job, part: int, folder: Folder) -> dict[str, Any]:
    """Write one part on a worker."""
    if Work(folder, job.sweep.name, job.digest).begun() is None:
        raise OSError(f"{folder.url} is not shared: this worker cannot see the run in it")
    return write_part(job, part, folder).as_json()


def _first_line(problem: BaseException) -> str:
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
