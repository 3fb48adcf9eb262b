"""The doors of the service: which address leads to which room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp

import sizer
from sizer.service import files, networks, openapi, pages, rows, spaces, sweeps
from sizer.service.faults import HANDLERS, answer, on_anything, on_http
from sizer.service.guard import Guard
from sizer.service.metrics import CONTENT_TYPE
from sizer.service.refusals import RefusedError
from sizer.service.settings import Settings
from sizer.service.state import State


async def _on_nothing(request: Request, problem: Exception) -> Response:
    """Answer an address that does not exist: people with a page, programs with a fault."""
    if pages.is_for_people(request.scope["headers"], request.method, request.url.path):
        return pages.nothing_here()
    return await on_http(request, problem)


def make_app(settings: Settings) -> tuple[ASGIApp, State]:
    """Return the service as an ASGI application, and what its rooms share.

    Raises:
        RunError: another server has the data folder, it cannot be written, or the settings would let anybody in.
    """
    settings.check()
    state = State(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await state.start()
        yield
        await state.stop()

    app = FastAPI(
        title="Sizer",
        version=sizer.__version__,
        summary="Counts the weights of recurrent networks exactly.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    for kind, handler in HANDLERS:
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(Exception, on_anything)
    app.add_exception_handler(404, _on_nothing)

    @app.get("/healthz", tags=["server"], **openapi.HEALTH)
    async def health() -> Response:
        return answer({"status": "running", "version": sizer.__version__})

    @app.get("/readyz", tags=["server"], **openapi.READY)
    async def ready() -> Response:
        if state.problem:
            raise RefusedError(503, state.problem)
        return answer({"status": "ready"})

    @app.get("/metrics", tags=["server"], **openapi.METRICS)
    def metrics(_: Request) -> Response:
        return Response(state.metrics.text(), headers={"content-type": CONTENT_TYPE})

    of_networks = networks.router(state)
    app.include_router(of_networks)
    app.include_router(sweeps.router(state))
    app.include_router(rows.router(state))
    app.include_router(spaces.router(state))
    app.include_router(files.router(state))
    app.include_router(pages.router())
    made = app.openapi

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.completed(made(), token=bool(settings.token))
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]
    return Guard(
        networks.Quickly(app, of_networks), settings, state.metrics, pages.is_page, pages.is_for_people, state.allowance
    ), state
