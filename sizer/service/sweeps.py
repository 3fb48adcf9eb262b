"""Sweeps become jobs, and say how far they are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from sizer.errors import Fault, InputError
from sizer.service import openapi
from sizer.service.bodies import read_body
from sizer.service.faults import answer
from sizer.service.jobs import ENDED, SweepJob
from sizer.service.question_pool import Said
from sizer.service.refusals import RefusedError
from sizer.service.state import State
from sizer.service.storage import StorageError

_HEARTBEAT_SECONDS = 15.0
_AGAIN_SECONDS = 1.0
_LINE_LIMIT = 2000
"""Of a condition or a bound in an address."""

Budget = Annotated[
    list[Annotated[str, Query(max_length=200)]],
    Query(description="10M, or int8_bytes=2MB; may be repeated.", max_length=20),
]
Where = Annotated[
    list[Annotated[str, Query(max_length=_LINE_LIMIT)]],
    Query(description="A condition in the language of sweep files; may be repeated.", max_length=20),
]


def router(state: State) -> APIRouter:
    """Return the addresses of sweeps."""
    found = APIRouter(prefix="/v1", tags=["sweeps"])
    limits = state.settings.limits

    async def asked(body: bytes, budget: list[str], where: list[str], *, dry: bool, top: int = 5) -> Said:
        """Return what another process says of the sweep in a body."""
        question = {"about": "sweep", "dry": dry, "budget": budget, "where": where, "top": top}
        return await state.sweep_questions.ask(question, body)

    @found.post("/dry-run", **openapi.DRY_RUN)
    async def dry_run(request: Request, budget: Budget = [], where: Where = []) -> Response:  # noqa: B006
        body = await read_body(request, request.receive, limits.sweep_bytes, limits.body_seconds)
        said = await asked(body, budget, where, dry=True)
        return Response(said.content, media_type="application/json")

    @found.post("/sweeps", status_code=202, **openapi.POST_SWEEP)
    async def post(request: Request) -> Response:
        body = await read_body(request, request.receive, limits.sweep_bytes, limits.body_seconds)
        try:
            told = await asked(body, [], [], dry=True)
        except RefusedError as problem:
            if problem.status != 503:
                raise
            # What cannot be counted in time, or in memory, can still be run.
            told = await asked(body, [], [], dry=False)
        said = told.parsed()
        # Of a space none but those that are kept are ever listed.
        kept = said.get("dry_run", {}).get("kept") if said["space"] else None
        many = said["configurations"] if kept is None else kept
        if many > limits.configurations:
            what = "configurations" if kept is None else "networks that fit"
            message = f"{many:,} {what} are more than the {limits.configurations:,} that one job may have"
            raise InputError([Fault("sweep", 0, 0, "grid", message)])
        dry = said.get("dry_run") or {"exact": False, "configurations": said["configurations"]}
        job = SweepJob(said["id"], said["name"], said["text"], said["configurations"], "queued", dry, time.time())
        added = await state.write(state.jobs.add, job, limits.jobs_waiting)
        if added is None:
            raise RefusedError(429, f"{limits.jobs_waiting} jobs are waiting already; try again", {"retry-after": "30"})
        job, queued = added
        if queued:
            state.job_runner.wake()
        return answer(job.as_json(), 202 if queued else 200, {"location": f"/v1/sweeps/{job.id}"})

    @found.get("/sweeps", **openapi.LIST_SWEEPS)
    async def newest(
        limit: Annotated[int, Query(ge=1, le=1000, description="The most sweeps to list, the newest first.")] = 100,
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        jobs = await state.read(state.jobs.newest, limit, offset)
        return answer({"sweeps": [job.as_json() for job in jobs]})

    @found.get("/sweeps/{sweep_id}", **openapi.GET_SWEEP)
    async def get(sweep_id: str) -> Response:
        job = await state.job(sweep_id)
        return answer({**job.as_json(), "sweep": job.text})

    @found.delete("/sweeps/{sweep_id}", **openapi.DELETE_SWEEP)
    async def delete(sweep_id: str) -> Response:
        job = await state.job(sweep_id)
        if await state.write(state.job_runner.cancel, job):
            return answer((await state.job(sweep_id)).as_json())
        await state.write(state.job_runner.remove, job)
        return Response(status_code=204)

    @found.get("/sweeps/{sweep_id}/events", **openapi.EVENTS)
    async def events(sweep_id: str) -> Response:
        await state.job(sweep_id)
        state.check_followers()  # before the answer begins
        return StreamingResponse(
            _events(state, sweep_id), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    @found.get("/sweeps/{sweep_id}/configurations/{configuration_id}", **openapi.CONFIGURATION)
    async def configuration(sweep_id: str, configuration_id: int) -> Response:
        job = await state.job(sweep_id)
        said = await state.sweep_questions.ask({"about": "configuration", "id": configuration_id}, job.text.encode())
        return Response(said.content, media_type="application/json")

    return found


async def _events(state: State, sweep_id: str) -> AsyncIterator[bytes]:
    """Yield a job whenever it changes, until it has ended. Who reads slowly gets the newest state, not every one."""
    async with state.following(sweep_id) as changed:
        said = ""
        while not state.stopping:
            changed.clear()
            try:
                job = await state.read(state.jobs.get, sweep_id)
            except StorageError:
                yield b": still here\n\n"
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if job is None:
                yield b"event: removed\ndata: {}\n\n"
                return
            now = json.dumps(job.as_json(), ensure_ascii=False)
            if now != said:
                said = now
                yield f"event: {job.status}\ndata: {now}\n\n".encode()
            if job.status in ENDED:
                return
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield b": still here\n\n"
