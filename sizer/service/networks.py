"""One network or many: count, compare, explain, fit, code, and what the service knows of conventions and sweep files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sizer.networks.blocks.types import BLOCK_TYPES
from sizer.networks.conventions import CONVENTIONS
from sizer.service import openapi
from sizer.service.bodies import parse_json, read_body
from sizer.service.faults import answer, answered, on_anything
from sizer.service.network_answers import counted, plain_network
from sizer.service.state import State
from sizer.sweepfile.starter import EXAMPLES, example_text

_COUNT = "/v1/count"
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
        """Answer of one plain network at once, of anything else by another process."""
        raw = await read_body(request, request.receive, limits.count_bytes, limits.body_seconds)
        if len(raw) <= _AT_ONCE:
            one = plain_network(parse_json(raw))
            if one is not None:
                content = counted(one, vars(limits))
                state.metrics.networks.inc()
                return answer(content)
        said = await state.network_questions.ask({"about": "count"}, raw)
        state.metrics.networks.inc(said.about["networks"])
        return _json(said.content)

    @found.post("/compare", **openapi.COMPARE)
    async def compare(request: Request) -> Response:
        return await asked(request, "compare")

    @found.post("/explain", **openapi.EXPLAIN)
    async def explain(request: Request) -> Response:
        return await asked(request, "explain")

    @found.post("/model", **openapi.MODEL_TEXT)
    async def model(request: Request) -> Response:
        return await asked(request, "model")

    @found.post("/fit", **openapi.FIT)
    async def fit(request: Request) -> Response:
        return await asked(request, "fit")

    @found.post("/code", **openapi.CODE)
    async def code(request: Request) -> Response:
        return await asked(request, "code")

    @found.get("/conventions", **openapi.CONVENTIONS)
    async def conventions() -> Response:
        return answer({"conventions": [convention.as_json() for convention in CONVENTIONS.values()]})

    @found.get("/block-types", **openapi.BLOCK_TYPES)
    async def block_types() -> Response:
        return answer({"block_types": _block_types()})

    @found.get("/examples", **openapi.EXAMPLES)
    async def examples() -> Response:
        return answer({"examples": [{"name": name, "text": example_text(name)} for name in EXAMPLES]})

    @found.get("/schema", **openapi.SCHEMA)
    async def schema() -> Response:
        from sizer.sweepfile.schema import schema_text

        return Response(schema_text(), media_type="application/schema+json")

    return found


def _block_types() -> list[dict[str, Any]]:
    """Return what each type of block may say."""
    return [
        {
            "block_type": kind.name,
            "title": kind.title,
            "fields": [
                {
                    "field": field.name,
                    "kind": field.kind,
                    "required": field.required,
                    "words": list(field.words),
                    "meaning": field.description,
                }
                for field in kind.fields
            ],
        }
        for kind in BLOCK_TYPES.values()
    ]


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


class Quickly:
    """An ASGI application that takes `/v1/count` straight to its handler, and leaves the rest to another.

    Searches ask it in a loop, and what a framework does on the way takes longer than the count.
    """

    def __init__(self, app: ASGIApp, addresses: APIRouter) -> None:
        """Stand before an application that has the addresses of networks."""
        self._app = app
        (self._route,) = (one for one in addresses.routes if isinstance(one, APIRoute) and one.path == _COUNT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != _COUNT or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        try:
            response = await self._route.endpoint(Request(scope, receive))
        except Exception as problem:
            found = await answered(problem)
            if found is None:
                await (await on_anything(None, problem))(scope, receive, send)
                raise
            response = found
        await response(scope, receive, send)
