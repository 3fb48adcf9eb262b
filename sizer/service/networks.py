"""One network or many: count, compare, explain, fit, code, and what the service knows of conventions and sweep files."""

from __future__ import annotations

from types import SimpleNamespace

from fastapi import APIRouter, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sizer.networks.conventions import CONVENTIONS
from sizer.service import openapi
from sizer.service.bodies import parse_json, read_body
from sizer.service.faults import answer, answered, on_anything
from sizer.service.network_answers import counted, plain_network
from sizer.service.state import State

COUNT_PATH = "/v1/count"
COUNT_ROUTE = SimpleNamespace(path=COUNT_PATH)
_AT_ONCE = 16 * 2**10
"""Bytes of a body that is read between other answers; any larger one is read by a process of its own."""


def router(state: State) -> APIRouter:
    """Return the addresses of questions about networks."""
    found = APIRouter(prefix="/v1", tags=["networks"])
    limits = state.settings.limits

    async def asked(request: Request, about: str) -> Response:
        body = await read_body(request, request.receive, limits.sweep_bytes, limits.body_seconds)
        return _json((await state.network_questions.ask({"about": about}, body)).content)

    @found.post("/count", **openapi.COUNT)
    async def count(request: Request) -> Response:
        return await count_answer(state, request, request.receive)

    @found.post("/compare", **openapi.COMPARE)
    async def compare(request: Request) -> Response:
        return await asked(request, "compare")

    @found.post("/explain", **openapi.EXPLAIN)
    async def explain(request: Request) -> Response:
        return await asked(request, "explain")

    @found.post("/fit", **openapi.FIT)
    async def fit(request: Request) -> Response:
        return await asked(request, "fit")

    @found.post("/code", **openapi.CODE)
    async def code(request: Request) -> Response:
        return await asked(request, "code")

    @found.get("/conventions", **openapi.CONVENTIONS)
    async def conventions() -> Response:
        return answer({"conventions": [convention.as_json() for convention in CONVENTIONS.values()]})

    @found.get("/schema", **openapi.SCHEMA)
    async def schema() -> Response:
        from sizer.sweepfile.schema import schema_text

        return Response(schema_text(), media_type="application/schema+json")

    return found


async def count_answer(state: State, request: HTTPConnection, receive: Receive) -> Response:
    """Return the answer to `/v1/count`: of one plain network at once, of anything else from a calculator."""
    limits = state.settings.limits
    raw = await read_body(request, receive, limits.count_bytes, limits.body_seconds)
    if len(raw) <= _AT_ONCE:
        one = plain_network(parse_json(raw))
        if one is not None:
            found = counted(one, vars(limits))
            state.metrics.networks.inc()
            return answer(found)
    said = await state.network_questions.ask({"about": "count"}, raw)
    state.metrics.networks.inc(said.about["networks"])
    return _json(said.content)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


class Quickly:
    """An ASGI application that answers `/v1/count` itself and leaves the rest to another: searches ask it in a loop."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        """Stand before an application."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != COUNT_PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = COUNT_ROUTE
        try:
            response = await count_answer(self._state, HTTPConnection(scope), receive)
        except Exception as problem:
            found = await answered(problem)
            if found is None:
                await (await on_anything(None, problem))(scope, receive, send)
                raise
            response = found
        await response(scope, receive, send)
