"""One form for everything that goes wrong: the faults that the command line prints with `--json`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sizer.errors import Fault, InputError, RunError
from sizer.service.bodies import as_json
from sizer.service.refusals import TOO_LONG, FoundFaultsError, RefusedError, is_too_long

LOG = logging.getLogger("sizer.service")
"""What the server writes on standard error: what clients are not told."""
_WORDS = {404: "there is nothing at this address", 405: "this address does not answer this method"}


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON. Whole numbers stay whole however large they are."""
    return Response(as_json(value), status, dict(headers) if headers else None, media_type="application/json")


def refused(status: int, faults: Iterable[Fault], headers: Mapping[str, str] | None = None) -> Response:
    """Return faults as JSON."""
    return answer({"faults": [fault.as_json() for fault in faults]}, status, headers)


async def answered(problem: Exception) -> Response | None:
    """Return the answer to what a client did wrong; None where it is no such problem."""
    for kind, handler in HANDLERS:
        if isinstance(problem, kind) and (kind is not ValueError or is_too_long(problem)):
            return await handler(None, problem)
    return None


async def on_refusal(_: Request | None, problem: Exception) -> Response:
    """Answer a `RefusedError`."""
    assert isinstance(problem, RefusedError)
    return refused(problem.status, problem.faults, problem.headers)


async def on_found_faults(_: Request | None, problem: Exception) -> Response:
    """Answer the faults that another process found."""
    assert isinstance(problem, FoundFaultsError)
    return Response(problem.content, 422, media_type="application/json")


async def on_input_error(_: Request | None, problem: Exception) -> Response:
    """Answer faults in the input."""
    assert isinstance(problem, InputError)
    return refused(422, problem.faults)


async def on_run_error(_: Request | None, problem: Exception) -> Response:
    """Answer what could not be done; the log says why, since the reason may name files."""
    assert isinstance(problem, RunError)
    LOG.warning("%s", problem)
    return refused(503, [Fault("", 0, 0, "", "the server could not do this; its log says why")])


async def on_parameter(_: Request | None, problem: Exception) -> Response:
    """Answer faults in the parameters of an address."""
    assert isinstance(problem, RequestValidationError)
    faults = [
        Fault("", 0, 0, str(error["loc"][1] if len(error["loc"]) > 1 else error["loc"][0]), _said(error))
        for error in problem.errors()
    ]
    return refused(422, faults)


def _said(error: Mapping[str, Any]) -> str:
    message = str(error["msg"])
    return message[:1].lower() + message[1:]


async def on_value_error(_: Request | None, problem: Exception) -> Response:
    """Answer that a number is too long; anything else is a mistake of the server's own."""
    if not is_too_long(problem):
        raise problem
    return refused(422, [Fault("", 0, 0, "", TOO_LONG)])


async def on_anything(_: Request | None, __: Exception) -> Response:
    """Answer a mistake of the server's own, of which the log has more."""
    return refused(500, [Fault("", 0, 0, "", "something went wrong in the server; its log says what")])


async def on_http(_: Request | None, problem: Exception) -> Response:
    """Answer what the framework refuses."""
    assert isinstance(problem, HTTPException)
    message = _WORDS.get(problem.status_code, str(problem.detail))
    return refused(problem.status_code, [Fault("", 0, 0, "", message)], problem.headers)


HANDLERS: tuple[tuple[type[Exception], Callable[[Any, Exception], Awaitable[Response]]], ...] = (
    (RefusedError, on_refusal),
    (FoundFaultsError, on_found_faults),
    (InputError, on_input_error),
    (RunError, on_run_error),
    (RequestValidationError, on_parameter),
    (HTTPException, on_http),
    (ValueError, on_value_error),
)
"""What answers which problem."""
