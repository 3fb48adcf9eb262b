"""Model files: what stands in one that is sent. It is held while it is looked at, and never stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sizer.service import openapi
from sizer.service.bodies import read_body
from sizer.service.state import State


def router(state: State) -> APIRouter:
    """Return the address of model files."""
    found = APIRouter(prefix="/v1", tags=["files"])
    limits = state.settings.limits

    @found.post("/look", **openapi.LOOK)
    async def look(
        request: Request,
        name: Annotated[str, Query(description="Of the file; its ending helps.", max_length=200)] = "model",
        size: Annotated[
            int | None, Query(ge=0, le=2**62, description="Bytes of the whole file, where not all of it is sent.")
        ] = None,
        head: Annotated[
            int | None,
            Query(ge=0, le=2**40, description="How many of the bytes that are sent are its first; the rest its last."),
        ] = None,
    ) -> Response:
        body = await read_body(request, request.receive, limits.file_bytes, limits.body_seconds)
        question = {"about": "look", "name": name, "size": size, "head": head}
        return Response((await state.network_questions.ask(question, body)).content, media_type="application/json")

    return found
