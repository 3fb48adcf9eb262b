"""Spaces of widths per layer: how many networks fit, how large they are, and some that are drawn."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from sizer.errors import Fault, InputError
from sizer.service import openapi
from sizer.service.bodies import read_body
from sizer.service.state import State
from sizer.service.sweeps import Budget, Where


def router(state: State) -> APIRouter:
    """Return the addresses of spaces."""
    found = APIRouter(prefix="/v1/space", tags=["spaces"])
    limits = state.settings.limits

    async def asked(request: Request, question: dict[str, object]) -> Response:
        body = await read_body(request, request.receive, limits.sweep_bytes, limits.body_seconds)
        return Response((await state.sweep_questions.ask(question, body)).content, media_type="application/json")

    @found.post("/count", **openapi.SPACE_COUNT)
    async def count(
        request: Request,
        budget: Budget = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        bins: Annotated[int, Query(ge=0, le=1000, description="Bins of the histogram; 0: no histogram.")] = 20,
    ) -> Response:
        return await asked(request, {"about": "space-count", "budget": budget, "where": where, "bins": bins})

    @found.post("/sample", **openapi.SPACE_SAMPLE)
    async def sample(
        request: Request,
        budget: Budget = [],  # noqa: B006
        where: Where = [],  # noqa: B006
        n: Annotated[int, Query(ge=1, description="Number of networks.")] = 10,
        seed: Annotated[int, Query(ge=0, le=2**63 - 1, description="The same seed gives the same networks.")] = 0,
    ) -> Response:
        if n > limits.page_rows:
            message = f"{n:,} networks are more than the {limits.page_rows:,} that one call may sample; another seed gives others"
            raise InputError([Fault("", 0, 0, "n", message)])
        question = {"about": "space-sample", "budget": budget, "where": where, "number": n, "seed": seed}
        return await asked(request, question)

    return found
